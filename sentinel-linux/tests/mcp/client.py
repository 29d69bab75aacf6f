"""Drives `sentinel mcp` with the reference client, tool by tool, and prints what it sees."""

import asyncio
import sys

import mcp.types as types
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

PROGRAM, HOME = sys.argv[1], sys.argv[2]
asked = []


async def person(context, params):
    """Answers the questions of the server: yes to the word counter, no to anything else."""
    asked.append(params.message)
    decision = "allow once" if "wc" in params.message else "deny"
    return types.ElicitResult(action="accept", content={"decision": decision})


async def main():
    arguments = ["mcp", "--config", HOME + "/sentinel.toml", "--state", HOME + "/state"]
    server = StdioServerParameters(command=PROGRAM, args=arguments, cwd=HOME + "/work")
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write, elicitation_callback=person) as session:
            greeting = await session.initialize()
            print(greeting)
            await session.send_ping()
            tools = (await session.list_tools()).tools
            calls = {
                "read_file": ({"path": "README.md"}, False, "# A house"),
                "write_file": ({"path": "b.md", "content": "one\n"}, False, ""),
                "edit_file": ({"path": "b.md", "old": "one", "new": "two"}, False, ""),
                "list_directory": ({}, False, "b.md"),
                "search_files": ({"text": "two"}, False, "b.md"),
                "run_command": ({"program": "/usr/bin/wc", "arguments": ["-c", "b.md"]}, False, "4 b.md"),
                "http_fetch": ({"url": "http://example.com/"}, True, ""),
                "current_time": ({}, False, "20"),
                "extract_value": ({"from": "h9-0123456789abcdef", "as": "date"}, True, "no reference"),
            }
            names = {tool.name for tool in tools}
            assert names == set(calls), names ^ set(calls)
            for name, (given, fails, expected) in calls.items():
                result = await session.call_tool(name, given)
                text = result.content[0].text
                is_error = getattr(result, "isError", None)
                is_error = result.is_error if is_error is None else is_error
                print(name, is_error, repr(text))
                assert is_error == fails and expected in text, (name, text)
            outside = await session.call_tool("read_file", {"path": HOME + "/secret.txt"})
            print(repr(outside.content[0].text))
            assert "CANARY" not in outside.content[0].text
            try:
                await session.call_tool("nothing", {})
                raise AssertionError("there is no such tool")
            except Exception as error:
                assert "no such tool" in str(error), error
            assert len(asked) == 1, asked
            print(asked[0])
    print("every tool was called")


asyncio.run(main())
