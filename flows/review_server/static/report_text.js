// A report on paper: sections with headings; its words can be marked one by one. Text never becomes markup.

import { node } from "./frame.js";

/** Draw sections `[{heading, start, text, is_read}]`; gives the words as `[{start, end, element}]` where asked. */
export function drawReport(paper, sections, { withWords = false } = {}) {
  const words = [];
  paper.replaceChildren(
    ...sections.map((section) => {
      const body = node("p");
      if (withWords) words.push(...drawWords(body, section));
      else body.textContent = section.text;
      const heading = section.heading ? [node("h3", { text: section.heading })] : [];
      return node("section", { class: section.is_read ? "read" : "" }, [...heading, body]);
    }),
  );
  paper.parentElement.scrollTop = 0;
  return words;
}

// Offsets are in Unicode code points, as Python counts them; JavaScript counts UTF-16 units.
function drawWords(body, section) {
  const words = [];
  let offset = section.start;
  for (const piece of section.text.split(/(\s+)/)) {
    if (piece === "") continue;
    const length = [...piece].length;
    if (/^\s/.test(piece)) {
      body.append(piece);
    } else {
      const element = node("span", { class: "word", text: piece });
      body.append(element);
      words.push({ start: offset, end: offset + length, element });
    }
    offset += length;
  }
  return words;
}
