"use strict";
const form = document.getElementById("form");
const state = document.getElementById("state");
const list = document.getElementById("list");
const id = (one) => `${one.customer_id}${one.loan_id ? `, loan ${one.loan_id}` : ""}`;

function tell(text, wrong = false) {
  state.textContent = text;
  state.className = wrong ? "wrong" : "";
}

async function decide(one, decision, cell) {
  const by = document.getElementById("by").value.trim();
  if (!by) return tell("Enter your name first.", true);
  const { customer_id, loan_id } = one;
  const body = JSON.stringify({ month: monthOf(), customer_id, loan_id, decision, by });
  try {
    await call("/v1/review", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    cell.replaceChildren(`${decision} by ${by}`);
    tell(`Recorded: ${decision} of ${id(one)} by ${by}.`);
  } catch (error) {
    tell(error.message, true);
  }
}

function row(one) {
  const cell = element("td", one.decided ? `${one.decided.decision} by ${one.decided.by}` : "");
  if (!one.decided) {
    for (const [decision, text] of [["approve", "Approve"], ["decline", "Decline"]]) {
      const button = element("button", text);
      button.type = "button";
      button.setAttribute("aria-label", `${text} ${id(one)}`);
      button.addEventListener("click", () => decide(one, decision, cell));
      cell.append(button);
    }
  }
  const pd = one.pd === null ? "" : `${(one.pd * 100).toFixed(1)} %`;
  return element("tr", "", element("td", id(one)), element("td", one.grade || "none"), element("td", pd),
    element("td", one.reasons.join("; ")), cell);
}

const monthOf = () => `${document.getElementById("month").value}-01`;

async function show(event) {
  event.preventDefault();
  tell("The list is being loaded.");
  list.replaceChildren();
  try {
    const found = (await call(`/v1/review/${monthOf()}`)).applications;
    tell(`${found.length} applications need a person.`);
    const names = ["Application", "Grade", "PD", "Why", "Decision"].map((name) => element("th", name));
    if (found.length) list.append(element("table", "", element("tr", "", ...names), ...found.map(row)));
  } catch (error) {
    tell(error.message, true);
  }
}

form.addEventListener("submit", show);
