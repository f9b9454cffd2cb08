"""The bare script: the same requests through `messages.create`, answers written as JSON lines.

    python bare.py CASES CONNECTIONS FILE

What anybody would write without a harness: nothing is graded, priced, kept or tried again.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from anthropic import AsyncAnthropic, DefaultAioHttpClient
from workload import MAX_TOKENS, MODEL_IDS, prompt


async def main(cases: int, connections: int, file: Path) -> None:
    """Ask every model every case, so many at a time, and write a line for each answer."""
    work = ((number, model) for number in range(cases) for model in MODEL_IDS)
    with file.open("w", encoding="utf-8") as lines:
        async with AsyncAnthropic(max_retries=0, http_client=DefaultAioHttpClient()) as client:

            async def ask() -> None:
                for number, model in work:
                    begun = time.time()
                    message = await client.messages.create(
                        model=model,
                        max_tokens=MAX_TOKENS,
                        messages=[{"role": "user", "content": prompt(number)}],
                    )
                    at = {"case": number, "model": model, "begun": begun, "ended": time.time()}
                    lines.write(json.dumps({**at, "answer": message.to_dict(mode="json")}) + "\n")

            await asyncio.gather(*(ask() for _ in range(connections)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
