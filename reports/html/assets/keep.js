// Keeps charts as wide as the page is, and as a printed page is.

document.documentElement.classList.add("js");

// drawn are elements with the function that draws them anew.
const drawn = [], byId = id => document.getElementById(id);

function keep() {
  for (const [element, redraw] of drawn) {
    let width = 0;
    new ResizeObserver(() => {
      if (element.clientWidth === width || !element.clientWidth) return;
      width = element.clientWidth;
      requestAnimationFrame(redraw);
    }).observe(element);
    redraw();
  }

  // On paper nobody can open anything, so that what is closed is opened, and closed again.
  let closed = [];
  addEventListener("beforeprint", () => {
    paper = 680;
    drawn.forEach(([, redraw]) => redraw());
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach(d => { d.open = true; });
  });
  addEventListener("afterprint", () => {
    paper = 0;
    drawn.forEach(([, redraw]) => redraw());
    closed.forEach(d => { d.open = false; });
  });
}
