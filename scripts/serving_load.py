"""Requests at a fixed rate over connections that stay open, as a process of its own.

Latency is counted from the moment that a request was due, so that one that waits behind a slow one
counts as slow (no coordinated omission). Prints one line of JSON.

python scripts/serving_load.py PORT PATH BODY_FILE RATE SECONDS [CONNECTIONS]
"""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Send a request; return status and body, apart by a space."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return head[9:12] + b" " + await reader.readexactly(length)


async def load(port: int, request: bytes, rate: float, seconds: float, connections: int) -> None:
    """Send the requests and print what came of them."""
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    acknowledged: list[str] = []
    began = time.perf_counter() + 0.5
    total = int(rate * seconds)
    numbers = iter(range(total))

    async def work() -> None:
        reader = writer = None
        for number in numbers:
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                assert reader is not None
                answer = await ask(reader, writer, request)
            except (OSError, asyncio.IncompleteReadError):
                statuses["lost"] += 1
                if writer is not None:
                    writer.close()
                reader = writer = None
                await asyncio.sleep(0.05)
                continue
            statuses[answer[:3].decode()] += 1
            latencies.append(time.perf_counter() - due)
            if answer.startswith(b"200") and b"request_id" in answer:
                acknowledged.append(json.loads(answer[4:])["request_id"])

    await asyncio.gather(*(work() for _ in range(connections)))
    latencies.sort()
    found = {
        "statuses": dict(statuses),
        "median_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[int(0.99 * len(latencies))],
        "most_ms": 1000 * latencies[-1],
        "acknowledged": acknowledged,
    }
    print(json.dumps(found))


def main() -> None:
    """Read the arguments and send the load."""
    port, path, body_file, rate, seconds, *more = sys.argv[1:]
    body = Path(body_file).read_bytes()
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    connections = int(more[0]) if more else 8
    asyncio.run(load(int(port), request, float(rate), float(seconds), connections))


if __name__ == "__main__":
    main()
