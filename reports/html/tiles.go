package html

import (
	"fmt"

	"ordeal/reports"
)

// tiles are the few figures that answer most questions.
func tiles(r *reports.Run) []tile {
	if r.Counts.Attempted == 0 && len(r.Series) == 0 {
		return nil
	}
	list := []tile{{Name: "acknowledged", Value: reports.Count(r.Counts.Acked), Note: "of " + reports.Count(r.Counts.Attempted)}}
	for i := range r.Checks {
		c := &r.Checks[i]
		kind, n := c.Finding()
		always := kind == "lost" || kind == "unseen" || kind == "duplicated"
		if kind == "" || c.Comparisons <= 0 || n == 0 && !always || len(list) > 5 {
			continue
		}
		t := tile{Name: kind, Value: reports.Count(n)}
		if n > 0 {
			t.Tone = map[reports.Verdict]string{reports.Fail: "bad", reports.Inconclusive: "unsure"}[c.Verdict]
		}
		list = append(list, t)
	}
	list = append(list, latencies(r)...)
	return append(list, away(r)...)
}

// latencies are those of the first recorded phase, and of the first one in which a fault was felt.
func latencies(r *reports.Run) []tile {
	var list []tile
	hurt := map[string]bool{}
	for _, f := range r.Faults {
		hurt[f.Phase] = true
	}
	calm, rough := false, false
	for _, p := range r.Phases {
		if !p.Recorded || p.EndToEnd.Count == 0 || hurt[p.Name] && rough || !hurt[p.Name] && calm {
			continue
		}
		calm, rough = calm || !hurt[p.Name], rough || hurt[p.Name]
		list = append(list, tile{Name: "end-to-end p99, " + p.Name, Value: reports.Duration(p.EndToEnd.P99)})
	}
	return list
}

// away tells for how long nothing came, and how long it took until the cluster was healthy again.
func away(r *reports.Run) []tile {
	var list []tile
	var gap int64
	in := ""
	for _, p := range r.Phases {
		if whole := max(p.GapMax, p.GapWhole); p.Recorded && whole > gap { // as the headline has it
			gap, in = whole, p.Name
		}
	}
	if gap > 0 {
		list = append(list, tile{Name: "longest gap, to its end", Value: reports.Duration(gap), Note: "in " + in})
	}
	var longest int64
	unsettled := 0
	for _, f := range r.Faults {
		switch {
		case f.Effective <= 0:
		case f.Settled < f.Effective:
			unsettled++
		default:
			longest = max(longest, f.Settled-f.Effective)
		}
	}
	switch {
	case unsettled > 0:
		list = append(list, tile{
			Name: "healthy again after", Value: reports.None, Tone: "unsure",
			Note: fmt.Sprintf("%d not settled", unsettled),
		})
	case longest > 0:
		list = append(list, tile{Name: "healthy again after", Value: reports.Duration(longest)})
	}
	return list
}

// generator are the figures that tell whether ordeal itself was the bottleneck.
func generator(r *reports.Run) []tile {
	h := &r.Harness
	cores := reports.Count(int64(r.Environment.Cores)) + " cores"
	if r.Environment.Cores == 1 {
		cores = "1 core"
	}
	list := []tile{
		{Name: "lag p99", Value: reports.Duration(h.LagP99)},
		{Name: "hiccup p99", Value: reports.Duration(h.HiccupP99), Note: "max " + reports.Duration(h.HiccupMax)},
		{Name: "CPU", Value: reports.Share(h.CPUShare), Note: "of " + cores},
		{Name: "CPU a message", Value: reports.Duration(h.CPUPerMsg)},
		{Name: "memory", Value: reports.Bytes(h.RSSMax)},
		{Name: "GC", Value: reports.Count(h.GCCycles), Note: reports.Duration(h.GCPause) + " in all"},
	}
	if h.Coalesced > 0 {
		list = append(list, tile{Name: "arrivals gathered for", Value: reports.Duration(h.Coalesced), Note: "at most"})
	}
	if t := &r.Target; t.CPUSeconds > 0 {
		list = append(list,
			tile{Name: "broker: CPU a message", Value: reports.Duration(r.BrokerCPUPerMsg()), Note: reports.Seconds(t.CPUSeconds) + " in all"},
			tile{Name: "broker: memory", Value: reports.Bytes(t.RSSMax)})
	}
	return list
}

// environment leaves out what is not known.
func environment(r *reports.Run) []pair {
	e := &r.Environment
	var list []pair
	add := func(name, value string) {
		if value != "" {
			list = append(list, pair{name, value})
		}
	}
	add("broker", e.Broker)
	for i, node := range r.Target.Nodes {
		add(fmt.Sprintf("node %d", i+1), node)
	}
	add("operating system", reports.OneLine(e.OS+" "+e.Arch+" "+e.Kernel))
	add("processor", e.CPU)
	if e.Cores > 0 {
		add("cores", reports.Count(int64(e.Cores)))
	}
	add("Go", e.Go)
	add("ordeal", e.Ordeal)
	if r.Harness.HistoryEvents > 0 {
		add("history", reports.Count(r.Harness.HistoryEvents)+" events in "+reports.Bytes(r.Harness.HistoryBytes))
	}
	return list
}

// messages are the counts of the whole run.
func messages(r *reports.Run) []pair {
	c := &r.Counts
	list := []pair{
		{"attempted", reports.Count(c.Attempted)},
		{"acked", reports.Count(c.Acked)},
		{"rejected", reports.Count(c.Rejected)},
		{"unknown", reports.Count(c.Unknown)},
		{"never sent", reports.Count(c.Unsent)},
		{"sent again", reports.Count(c.Resent)},
		{"delivered", reports.Count(c.Delivered)},
		{"delivered, each once", reports.Count(c.Unique)},
		{"reconnects", reports.Count(c.Reconnects)},
	}
	if c.Rebalances > 0 {
		list = append(list, pair{"consumers given other shards", reports.Count(c.Rebalances) + "×"})
	}
	return list
}
