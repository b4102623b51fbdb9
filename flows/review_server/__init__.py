"""The review page: readers look at images and reports in a browser, each alone, and what they decide is kept.

`app` puts it together; `shield` and `sessions` keep strangers out; `pages` gives HTML, `answers` the JSON behind it,
`dashboard` the figures of the lead; `static` and `templates` are all that a browser ever loads. What is kept, and who
may see what, is decided by `cxr_core.review.store`. FastAPI, Jinja2 and uvicorn are imported in this folder alone.
"""
