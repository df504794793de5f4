"use strict";
(() => {
  const FONT = 'system-ui, "Segoe UI", Roboto, Arial, sans-serif';
  const COLOURS = ["ink", "soft", "line", "card"];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");
  const touched = matchMedia("(pointer: coarse)");

  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  };

  const axis = (given, colours) => ({
    gridcolor: colours.line, linecolor: colours.soft, zerolinecolor: colours.line, tickcolor: colours.soft,
    showline: true, ticks: "outside", ticklen: 4, automargin: true, ...given,
    title: { ...given.title, standoff: 8 },
  });

  // What is in the page's JSON, with the page's colours by name.
  const read = (figure, colours) =>
    JSON.parse(figure.querySelector("script").textContent, (key, value) =>
      key === "color" && COLOURS.includes(value) ? colours[value] : value);

  const entries = (traces) => traces.filter((t) => t.showlegend !== false && t.visible !== false).length;

  const layoutOf = (chart, colours) => {
    const rows = Math.ceil(entries(chart.traces) / (chart.small || narrow.matches ? 2 : 4));
    const legend = entries(chart.traces) > 1;
    return {
      ...chart.layout,
      title: { ...chart.layout.title, x: 0, xref: "paper", xanchor: "left", font: { size: 15 } },
      xaxis: axis(chart.layout.xaxis, colours),
      yaxis: axis(chart.layout.yaxis, colours),
      height: chart.height + (legend ? 22 * rows : 0),
      margin: { l: 56, r: 14, t: chart.layout.title ? 36 : 12, b: 48 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: FONT, size: narrow.matches ? 12 : 13, color: colours.ink },
      hoverlabel: { bgcolor: colours.card, bordercolor: colours.soft, namelength: -1,
                    font: { family: FONT, size: 13, color: colours.ink } },
      hovermode: "closest",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.soft, activecolor: colours.ink },
      showlegend: legend,
      legend: { orientation: "h", x: 0, y: 0, yref: "container", yanchor: "bottom", traceorder: "normal",
                font: { size: 12 }, itemsizing: "constant" },
      dragmode: touched.matches ? false : "zoom",
    };
  };

  const draw = (figure) => {
    const colours = theme();
    const chart = read(figure, colours);
    Plotly.react(figure.querySelector(".plot"), chart.traces, layoutOf(chart, colours), {
      displaylogo: false, responsive: true, showTips: false, showSendToCloud: false,
      displayModeBar: touched.matches ? false : "hover",
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]], toImageButtonOptions: { format: "svg" },
    });
    for (const button of figure.querySelectorAll("button[data-axis]")) {
      const log = chart.layout[`${button.dataset.axis}axis`].type === "log";
      button.setAttribute("aria-pressed", String(log));
    }
    figure.querySelectorAll("button[data-view]").forEach((button, i) =>
      button.setAttribute("aria-pressed", String(i === 0)));
  };

  const changeAxis = (figure, button) => {
    const log = button.getAttribute("aria-pressed") !== "true";
    const name = `${button.dataset.axis}axis`;
    const given = read(figure, theme()).layout[name];
    const change = { [`${name}.type`]: log ? "log" : "linear", [`${name}.autorange`]: true };
    if (given.range && (given.type === "log") === log) {
      delete change[`${name}.autorange`];
      change[`${name}.range`] = given.range;
    }
    Plotly.relayout(figure.querySelector(".plot"), change);
    button.setAttribute("aria-pressed", String(log));
  };

  const changeView = (figure, button) => {
    const visible = read(figure, theme()).views[Number(button.dataset.view)];
    Plotly.restyle(figure.querySelector(".plot"), { visible });
    for (const other of figure.querySelectorAll("button[data-view]"))
      other.setAttribute("aria-pressed", String(other === button));
  };

  const figures = [...document.querySelectorAll("figure.chart")];
  const drawAll = () => figures.forEach(draw);
  for (const figure of figures)
    figure.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.axis) changeAxis(figure, button);
      if (button?.dataset.view) changeView(figure, button);
    });
  for (const link of document.querySelectorAll("a.get"))
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById(decodeURIComponent(link.hash.slice(1))).click();
    });
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
  drawAll();
})();
