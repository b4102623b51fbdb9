// Keeps the dashboard fresh while somebody looks at it and types nothing.
"use strict";
setInterval(function () {
  if (!document.hidden && !document.querySelector("main :focus")) location.reload();
}, 15_000);
