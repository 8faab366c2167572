"""A mail server whose every answer comes after 100 ms, the answers to a pipeline together.

``python -m scripts.bench.late_mail`` prints its address.  It is the least that SMTP
asks for, so that it takes little of the processors that are measured.
"""

from __future__ import annotations

import asyncio

LATE = 0.1


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await _talk(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async def say(answer: bytes) -> None:
        await asyncio.sleep(LATE)
        writer.write(answer + b"\r\n")
        await writer.drain()

    await say(b"220 mail.example.org ESMTP")
    while line := await reader.readline():
        word = line[:4].upper()
        if word == b"EHLO":
            await say(b"250-mail.example.org\r\n250-PIPELINING\r\n250 SIZE 10000000")
        elif word == b"DATA":
            await say(b"354 go on")
            await reader.readuntil(b"\r\n.\r\n")
            await say(b"250 queued")
        elif word == b"QUIT":
            await say(b"221 bye")
            return
        else:
            await say(b"250 ok")


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=1 << 20)
    port = server.sockets[0].getsockname()[1]
    print(f"smtp://127.0.0.1:{port}?starttls=never", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
