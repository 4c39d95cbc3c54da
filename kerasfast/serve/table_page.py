"""The page on which a model of a table is tried: one row in a form, or a whole CSV file."""

from kerasfast.serve.page import STYLE

TABLE_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kerasfast</title>
<style>
STYLE  form label { border: 0; padding: 0; text-align: left; display: flex; justify-content: space-between; }
  form input { width: 60%; }
  table { border-collapse: collapse; margin-top: 1rem; }
  td, th { border: 1px solid #cbd5e0; padding: .2rem .6rem; text-align: right; }
</style>
<h1>A trained model</h1>
<p id="about"></p>
<label id="drop">Choose a CSV file, or drop it here
  <input id="files" type="file" accept=".csv,text/csv"></label>
<details><summary>or fill in one row</summary><form id="row"></form></details>
<p class="error" id="error" role="alert"></p>
<main id="results" aria-live="polite"></main>
<script>
  const get = (id) => document.getElementById(id);
  const make = (tag, text) => Object.assign(document.createElement(tag), text === undefined ? {} : {textContent: text});
  fetch("health").then((answer) => answer.json()).then((about) => {
    get("about").textContent = "It predicts " + about.predicts.join(", ")
      + (about.target_kind === "single" ? ": " + about.classes.slice(0, 20).join(", ") : "") + ".";
    for (const column of about.columns) {
      const label = make("label", column.name), input = make("input");
      input.name = column.name;
      if (column.kind === "category") {
        const list = make("datalist");
        list.id = "levels of " + column.name;
        input.setAttribute("list", list.id);
        for (const level of column.levels) list.append(Object.assign(make("option"), {value: level}));
        label.append(list);
      } else if (column.kind === "number") Object.assign(input, {type: "number", step: "any"});
      label.append(input);
      get("row").append(label);
    }
    get("row").append(make("button", "Predict"));
  });
  async function ask(options) {
    get("error").textContent = "";
    const answer = await fetch("predict", {method: "POST", ...options});
    const body = await answer.json();
    if (answer.ok) show(body);
    else get("error").textContent = body.error;
  }
  function show(rows) {
    const names = Object.keys(rows[0].probabilities || rows[0].values);
    const heads = rows[0].probabilities ? ["prediction", ...names] : names;
    const lines = rows.map((row) => heads.map((name) =>
      name === "prediction" && row.probabilities ? row.prediction : (row.probabilities || row.values)[name]));
    const quoted = (value) => /[",\\n]/.test(value) ? '"' + String(value).replaceAll('"', '""') + '"' : value;
    const csv = [heads, ...lines].map((line) => line.map(quoted).join(",")).join("\\n") + "\\n";
    const table = make("table"), link = make("a", "all " + rows.length + " as predictions.csv");
    for (const [index, line] of [heads, ...lines.slice(0, 50)].entries()) {
      const cells = make("tr");
      cells.append(...line.map((value) => make(index ? "td" : "th", value)));
      table.append(cells);
    }
    Object.assign(link, {href: URL.createObjectURL(new Blob([csv], {type: "text/csv"})), download: "predictions.csv"});
    get("results").replaceChildren(link, table);
  }
  get("row").addEventListener("submit", (event) => {
    event.preventDefault();
    const row = {};
    for (const input of get("row").querySelectorAll("input")) row[input.name] = input.value === "" ? null : input.value;
    ask({headers: {"content-type": "application/json"}, body: JSON.stringify(row)});
  });
  const upload = (files) => {
    const form = new FormData();
    form.append("table", files[0]);
    ask({body: form});
  };
  get("files").addEventListener("change", (event) => upload(event.target.files));
  const drop = get("drop");
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    upload(event.dataTransfer.files);
  });
</script>
</html>
""".replace("STYLE", STYLE)
