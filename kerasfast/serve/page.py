"""The pages on which models are tried."""

STYLE = """\
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1a202c; }
  label { display: block; border: 2px dashed #a0aec0; border-radius: .5rem; padding: 2rem; text-align: center; }
  label:focus-within, label.over { border-color: #2b6cb0; background: #ebf8ff; }
  article { display: flex; gap: 1rem; margin-top: 1.5rem; }
  article img { width: 9rem; height: 9rem; object-fit: cover; border-radius: .25rem; }
  article div { flex: 1; }
  h2 { font-size: 1.1rem; margin: 0; }
  meter { width: 12rem; vertical-align: middle; }
  .error { color: #c53030; }
"""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kerasfast</title>
<style>
STYLE</style>
<h1 id="title">A trained model</h1>
<p id="about"></p>
<label id="drop">Choose pictures, or drop them here
  <input id="files" type="file" accept="image/*" multiple></label>
<p class="error" id="error" role="alert"></p>
<main id="results" aria-live="polite"></main>
<script>
  const get = (id) => document.getElementById(id);
  const make = (tag, text) => Object.assign(document.createElement(tag), text === undefined ? {} : {textContent: text});
  fetch("health").then((answer) => answer.json()).then((about) => {
    get("about").textContent = about.network + ": " + about.classes.slice(0, 20).join(", ")
      + (about.classes.length > 20 ? ", ... (" + about.classes.length + ")" : "");
  });
  async function predict(files) {
    get("error").textContent = "";
    const form = new FormData();
    for (const file of files) form.append("pictures", file);
    const answer = await fetch("predict", {method: "POST", body: form});
    const body = await answer.json();
    if (!answer.ok) { get("error").textContent = body.error; return; }
    body.forEach((row, index) => show(row, files[index]));
  }
  function show(row, file) {
    const article = make("article"), picture = make("img"), text = make("div");
    picture.src = URL.createObjectURL(file);
    picture.alt = row.file;
    text.append(make("h2", row.prediction === undefined ? row.file : row.prediction));
    const values = Object.entries(row.probabilities || row.values).sort((a, b) => b[1] - a[1]).slice(0, 5);
    for (const [name, value] of values) {
      const line = make("div");
      if (row.probabilities) line.append(Object.assign(make("meter"), {value}));
      line.append(make("span", " " + (row.probabilities ? (100 * value).toFixed(1) + "% " : value + " ") + name));
      text.append(line);
    }
    const where = make("button", "Where?");
    where.title = "where the network finds it (Grad-CAM)";
    where.addEventListener("click", async () => {
      const answer = await fetch("explain?class=" + encodeURIComponent(values[0][0]), {method: "POST", body: file});
      if (answer.ok) { picture.src = URL.createObjectURL(await answer.blob()); where.remove(); }
      else get("error").textContent = (await answer.json()).error;
    });
    text.append(where);
    article.append(picture, text);
    get("results").prepend(article);
  }
  get("files").addEventListener("change", (event) => predict([...event.target.files]));
  const drop = get("drop");
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    predict([...event.dataTransfer.files]);
  });
</script>
</html>
""".replace("STYLE", STYLE)
