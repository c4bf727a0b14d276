"use strict";
// What both pages need. No value is ever read as HTML.
const words = (name) => name.replaceAll("_", " ");

function element(tag, text, ...children) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

async function call(path, options = {}) {
  const token = document.getElementById("token")?.value;
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const found = await fetch(path, { ...options, headers });
  const said = await found.json();
  if (!found.ok) throw new Error(said.errors.map((one) => [one.field, one.problem].filter(Boolean).join(": ")).join("; "));
  return said;
}
