"use strict";
// The form is made of /openapi.json, which is made of the lender's declaration. No value is ever read as HTML.
const form = document.getElementById("form");
const answer = document.getElementById("answer");

function resolve(schema, all) {
  const one = (schema.anyOf || [schema]).find((kind) => kind.type !== "null");
  return one.$ref ? all[one.$ref.split("/").pop()] : one;
}

function field(source, name, schema, all) {
  const kind = resolve(schema, all);
  const choices = kind.type === "array" ? resolve(kind.items, all).enum : kind.enum;
  const input = element(choices ? "select" : "input");
  if (choices) {
    input.multiple = kind.type === "array";
    input.append(...choices.map((choice) => Object.assign(element("option", words(choice)), { value: choice })));
  } else if (kind.type === "number" || kind.type === "integer") {
    input.type = "number";
    input.step = kind.type === "integer" ? "1" : "any";
    for (const [limit, at] of [["min", kind.minimum], ["max", kind.maximum]]) if (Math.abs(at) < 1e9) input[limit] = at;
  } else if (kind.format === "date") {
    input.type = "date";
  }
  Object.assign(input, { id: `${source}.${name}`, required: source === "" && name === "customer_id" });
  Object.assign(input.dataset, { source, name, kind: kind.type });
  const label = element("label", words(name));
  if (schema.description) label.append(element("small", schema.description));
  label.append(input);
  return label;
}

function stated(input) {
  if (input.multiple) {
    const chosen = [...input.selectedOptions].map((option) => option.value);
    return chosen.length ? chosen : null;
  }
  if (input.value === "") return null;
  return ["number", "integer"].includes(input.dataset.kind) ? Number(input.value) : input.value;
}

function body() {
  const asked = {};
  for (const input of form.querySelectorAll("[data-name]")) {
    const value = stated(input);
    if (value === null) continue;
    const part = input.dataset.source ? (asked[input.dataset.source] ||= {}) : asked;
    part[input.dataset.name] = value;
  }
  return asked;
}

function show(...children) {
  answer.replaceChildren(...children);
  answer.focus();
}

function showAnswer(said) {
  const rows = element("dl");
  const add = (name, value) => rows.append(element("dt", name), element("dd", value));
  add("Grade", said.grade);
  add("Probability of default", `${(said.pd * 100).toFixed(1)} % (cut-off ${(said.cutoff_pd * 100).toFixed(1)} %)`);
  if (said.referred_because.length) add("A person decides, because", said.referred_because.join("; "));
  add("Model", `${said.model_id}, in force from ${said.model_effective_from}`);
  add("Request", said.request_id);
  const decision = { approve: "Approve", decline: "Decline", refer: "Refer to a person" }[said.decision];
  const reasons = element("ul", "", ...said.reasons.map((reason) => element("li", reason.text)));
  show(element("h2", decision), rows, element("h3", "Reasons"), said.reasons.length ? reasons : element("p", "None."));
}

const value = (one) => (typeof one === "number" ? String(Number(one.toPrecision(4))) : words(one));

async function showChanges(options) {
  const said = await call("/v1/next-grade", options);
  if (said.grade === "A") return;
  const lines = said.changes.slice(0, 8).map((one) => element("li",
    `${words(one.feature)}: ${value(one.now)} → ${value(one.then)} (grade ${one.grade}, ${(one.pd * 100).toFixed(1)} %)`));
  const none = element("p", "No single feature does: several would have to change.");
  answer.append(element("h3", "What would give a better grade, each alone"), lines.length ? element("ul", "", ...lines) : none);
}

async function ask(event) {
  event.preventDefault();
  const headers = { "Content-Type": "application/json" };
  try {
    const options = { method: "POST", headers, body: JSON.stringify(body()) };
    showAnswer(await call("/v1/score", options));
    await showChanges(options);
  } catch (error) {
    show(Object.assign(element("p", error.message), { className: "wrong" }));
  }
}

function group(title, ...fields) {
  return element("fieldset", "", element("legend", title), ...fields);
}

async function start() {
  const document_ = await call("/form.json");
  const all = document_.components.schemas;
  const parts = Object.entries(all.Application.properties);
  const isSource = ([, schema]) => resolve(schema, all).properties;
  const own = parts.filter((part) => !isSource(part)).map(([name, schema]) => field("", name, schema, all));
  const sources = parts.filter(isSource).map(([source, schema]) =>
    group(words(source), ...Object.entries(resolve(schema, all).properties)
      .map(([name, column]) => field(source, name, column, all))));
  const token = element("label", "Token, where the service needs one");
  token.append(Object.assign(element("input"), { id: "token", type: "password" }));
  form.replaceChildren(group("Application", ...own, token), ...sources, element("button", "Score"));
  form.addEventListener("submit", ask);
}

start().catch((error) => form.replaceChildren(Object.assign(element("p", error.message), { className: "wrong" })));
