"""How does a test ask a running server?"""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

from holistic.workbench.connections import Stoppable, listening, speaking

TOKEN = "a-token-of-this-test"
REMOVE = json.dumps({"session": "page", "number": 1, "units": [["1", 0]]}).encode()


class Server:
    """The application on a loopback port, in a thread."""

    def __init__(self, make_app: Any) -> None:
        place = listening()
        self.host = f"127.0.0.1:{place.getsockname()[1]}"
        self.port = int(self.host.split(":")[1])
        self.server = Stoppable(speaking(make_app(self.host)), lambda: None)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [place]})
        self.thread.start()

    def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str | None
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send a request as the page would; headers given as None are left out."""
        usual: dict[str, str | None] = {
            "Host": self.host,
            "Origin": f"http://{self.host}",
            "X-Holistic-Token": TOKEN,
        }
        usual |= {name.replace("_", "-"): value for name, value in headers.items()}
        line = http.client.HTTPConnection(self.host, timeout=30)
        try:
            line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in usual.items():
                if value is not None:
                    line.putheader(name, value)
            if not {"Content-Length", "Transfer-Encoding"} & set(usual) and body:
                line.putheader("Content-Length", str(len(body)))
            line.endheaders(body or None)
            answer = line.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            line.close()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
