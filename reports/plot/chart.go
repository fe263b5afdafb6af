package plot

import (
	"bytes"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The colours are those of the HTML report on paper.
func ink() color.Color       { return color.RGBA{R: 0x1c, G: 0x1d, B: 0x1f, A: 0xff} }
func soft() color.Color      { return color.RGBA{R: 0x5c, G: 0x60, B: 0x66, A: 0xff} }
func grid() color.Color      { return color.RGBA{R: 0xec, G: 0xec, B: 0xea, A: 0xff} }
func border() color.Color    { return color.RGBA{R: 0xd0, G: 0xd0, B: 0xcd, A: 0xff} }
func target() color.Color    { return color.RGBA{R: 0x9a, G: 0x9e, B: 0xa5, A: 0xff} }
func blueInk() color.Color   { return color.RGBA{R: 0x35, G: 0x66, B: 0xc8, A: 0xff} }
func orangeInk() color.Color { return color.RGBA{R: 0xc2, G: 0x57, B: 0x1a, A: 0xff} }
func greenInk() color.Color  { return color.RGBA{R: 0x1a, G: 0x7f, B: 0x4b, A: 0xff} }
func violetInk() color.Color { return color.RGBA{R: 0x7a, G: 0x3f, B: 0xb0, A: 0xff} }
func redInk() color.Color    { return color.RGBA{R: 0xb3, G: 0x26, B: 0x1e, A: 0xff} }
func faultFill() color.Color { return color.NRGBA{R: 0xb3, G: 0x26, B: 0x1e, A: 0x1c} }
func muteFill() color.Color  { return color.NRGBA{R: 0x78, G: 0x78, B: 0x78, A: 0x1c} }

// lettering is sans serif at the given size: the library's default is not, and a reader's machine shall have the font.
func lettering(size vg.Length, c color.Color, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = 3 // semi-bold of golang.org/x/image/font, which the library maps to bold
	}
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler}
}

// series is one line of a chart, in the axes' own units; NaN breaks it.
type series struct {
	name   string
	color  color.Color
	dashed bool
	x, y   []float64
	// step is the distance of points, for a point that has no neighbours to be drawn to.
	step float64
}

// chart is a frame with axes, what lies behind the lines, and the lines.
type chart struct {
	name, title   string
	width, height vg.Length
	xmin, xmax    float64
	ymin, ymax    float64
	xticks        []plot.Tick
	yticks        []plot.Tick
	behind        plot.Plotter
	series        []series
}

// ticks are given, not searched for.
type ticks []plot.Tick

// Ticks gives those within the axis.
func (t ticks) Ticks(_, _ float64) []plot.Tick { return t }

// svg draws the chart: a line of title and legend, and the plot below it.
func (c *chart) svg() ([]byte, error) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Padding = 4 // of the labels: the grid has lines of its own
		axis.Width, axis.Tick.Width, axis.Tick.Length = 0, 0, 0
		style := lettering(8.5, soft(), false)
		style.XAlign, style.YAlign = axis.Tick.Label.XAlign, axis.Tick.Label.YAlign
		axis.Tick.Label = style
		// The library measures titles even where there are none.
		axis.Label.TextStyle.Font = style.Font
	}
	p.Title.TextStyle.Font = lettering(8.5, soft(), false).Font
	p.Legend.TextStyle.Font = p.Title.TextStyle.Font
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = c.xmin, c.xmax, c.ymin, c.ymax
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks(c.xticks), ticks(c.yticks)
	p.Add(rules{c.xticks, c.yticks})
	if c.behind != nil {
		p.Add(c.behind)
	}
	for _, s := range c.series {
		p.Add(s)
	}

	const head, edge = vg.Length(24), vg.Length(10)
	canvas := vgsvg.New(c.width, c.height)
	whole := draw.New(canvas)
	whole.SetColor(color.White)
	whole.Fill(whole.Path())
	c.legend(draw.Crop(whole, edge, -edge, c.height-head, 0))
	p.Draw(draw.Crop(whole, edge+c.indent(p.Y.Tick.Label), -edge-6, 4, -head))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// indent is what the labels of this chart leave of the room that the widest may take, so that charts below each other have one time axis.
func (c *chart) indent(label text.Style) vg.Length {
	room := vg.Length(40)
	for _, t := range c.yticks {
		room = min(room, 40-label.Width(t.Label))
	}
	return max(room, 0)
}

// legend writes the title, and each line's name behind a stroke of it.
func (c *chart) legend(at draw.Canvas) {
	const stroke, gap = vg.Length(14), vg.Length(14)
	base := at.Min.Y + 8
	x := at.Min.X
	title := lettering(10, ink(), true)
	at.FillText(title, vg.Point{X: x, Y: base}, c.title)
	x += title.Width(c.title) + gap
	label := lettering(9, soft(), false)
	for _, s := range c.series {
		name := fit(label, s.name, 160)
		at.StrokeLine2(s.style(), x, base+3, x+stroke, base+3)
		at.FillText(label, vg.Point{X: x + stroke + 5, Y: base}, name)
		x += stroke + 5 + label.Width(name) + gap
	}
}

// fit cuts s to a width, the last character an ellipsis. It is empty where not even two would fit.
func fit(style text.Style, s string, room vg.Length) string {
	if style.Width(s) <= room {
		return s
	}
	letters := []rune(s)
	if len(letters) > 200 {
		letters = letters[:200] // wider than any chart; measuring costs time
	}
	for n := len(letters) - 1; n > 1; n-- {
		if cut := string(letters[:n]) + "…"; style.Width(cut) <= room {
			return cut
		}
	}
	return ""
}

func (s series) style() draw.LineStyle {
	style := draw.LineStyle{Color: s.color, Width: 1.3}
	if s.dashed {
		style.Width, style.Dashes = 0.9, []vg.Length{3, 2.5}
	}
	return style
}

// Plot draws the line, broken where there is no value.
func (s series) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	var line []vg.Point
	flush := func() {
		if len(line) == 1 { // a stroke as wide as its second, or it would not be seen
			half := (tx(p.X.Min+s.step) - tx(p.X.Min)) / 3
			line = []vg.Point{{X: line[0].X - half, Y: line[0].Y}, {X: line[0].X + half, Y: line[0].Y}}
		}
		if len(line) > 0 {
			c.StrokeLines(s.style(), c.ClipLinesXY(line)...)
		}
		line = nil
	}
	for i, y := range s.y {
		if math.IsNaN(y) || math.IsInf(y, 0) {
			flush()
			continue
		}
		line = append(line, vg.Point{X: tx(s.x[i]), Y: ty(y)})
	}
	flush()
}

// rules are the faint lines of the grid.
type rules struct{ x, y []plot.Tick }

// Plot draws them.
func (g rules) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	style := draw.LineStyle{Color: grid(), Width: 0.6}
	for _, t := range g.y {
		c.StrokeLine2(style, c.Min.X, ty(t.Value), c.Max.X, ty(t.Value))
	}
	for _, t := range g.x {
		c.StrokeLine2(style, tx(t.Value), c.Min.Y, tx(t.Value), c.Max.Y)
	}
}
