"""A headless Chromium for tests, driven over its DevTools protocol."""

import json
import subprocess
import time

import websocket

QUIET = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage "
    "--remote-allow-origins=* --remote-debugging-port=0"
)


class Browser:
    """A headless Chromium, told what to do over its DevTools protocol."""

    def __init__(self, program: str, profile) -> None:
        command = [program, *QUIET.split(), f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.requests, self.number = [], 0
        try:
            address = self._address(profile / "DevToolsActivePort")
            self.socket = websocket.create_connection(address, timeout=60)
            target = self.do("Target.createTarget", url="about:blank")["targetId"]
            attached = self.do("Target.attachToTarget", targetId=target, flatten=True)
            self.session = attached["sessionId"]
            self.do("Network.enable")
            self.do("Page.enable")
        except BaseException:
            self.close()
            raise

    def _address(self, file) -> str:
        for _ in range(600):
            lines = file.read_text().split() if file.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"Chromium did not start (exit code {self.process.poll()})")

    def do(self, method: str, **given) -> dict:
        self.number += 1
        message = {"id": self.number, "method": method, "params": given}
        if hasattr(self, "session"):
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def value(self, script: str):
        result = self.do("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"]["description"])
        return result["result"]["value"]

    def until(self, script: str, tries: int = 200) -> bool:
        for _ in range(tries):
            if self.value(script):
                return True
            time.sleep(0.1)
        return False

    def close(self) -> None:
        if hasattr(self, "socket"):
            self.socket.close()
        self.process.terminate()
        self.process.wait(30)
