"""``flowrepro explore``: the gradient flow on a page in the browser.

    asked.py     what the page asks for, checked, and the training that it means
    jobs.py      what a worker does: the moments of a training, its claims, presets, files, exports
    presets.py   the points and settings of the papers' figures, from the packaged cases
    workers.py   processes that compute, one question at a time; one that is not needed is killed
    server.py    the page and the workers over HTTP on the loopback interface
    page/        the page itself: HTML, CSS and ES modules, as they are served

The server is the standard library's: an answer is lines of JSON that end with the connection, and
a closed connection ends the computation. It only passes bytes on; the workers compute.
"""
