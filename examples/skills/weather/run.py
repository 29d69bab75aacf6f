#!/usr/bin/env python3
"""The weather of a place: lines of JSON in, lines of JSON out. docs/SKILLS.md of Sentinel describes them."""

import json
import sys
import urllib.parse
import urllib.request

NAME, RELEASE = "weather", "0.1.0"
LINE_BYTES_MAX = 65536


class Failure(Exception):
    """Why a call came to nothing: a code of the contract, and words."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


# The tool: a place has coordinates, and those have weather. Both hosts are in the manifest, and no
# other is reached: a proxy stands in the way, which the environment names and urllib asks.

PLACES = "https://geocoding-api.open-meteo.com"
FORECASTS = "https://api.open-meteo.com"
ANSWER_BYTES_MAX = 65536
SECONDS = 10


def get(host, path, **asked):
    url = f"{host}{path}?{urllib.parse.urlencode(asked)}"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return json.loads(answer.read(ANSWER_BYTES_MAX))
    except (OSError, ValueError) as error:
        raise Failure("failed", f"{urllib.parse.urlsplit(host).hostname}: {error}"[:1024]) from error


def today(place):
    try:
        found = get(PLACES, "/v1/search", name=place, count=1).get("results")
        if not found:
            raise Failure("failed", "there is no such place")
        where = {key: found[0][key] for key in ("latitude", "longitude")}
        now = get(FORECASTS, "/v1/forecast", current="temperature_2m,wind_speed_10m", **where)
        celsius, wind = now["current"]["temperature_2m"], now["current"]["wind_speed_10m"]
        return {"place": found[0]["name"], "celsius": celsius, "wind_km_per_hour": wind}
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise Failure("failed", "the answer is none that this skill knows") from error


TOOLS = {
    "today": {
        "run": today,
        "description": "The temperature and the wind of a place, now.",
        "required": ["place"],
        "properties": {
            "place": {"type": "string", "maxLength": 64, "description": "A city or a village."},
        },
    },
}


# The contract.


def say(**message):
    line = json.dumps(message, separators=(",", ":"), ensure_ascii=False) + "\n"
    if len(line.encode()) > LINE_BYTES_MAX:
        raise Failure("too_large", "the output does not fit into a line")
    sys.stdout.buffer.write(line.encode())
    sys.stdout.buffer.flush()


def give_up(code, why):
    say(type="error", id=0, code=code, message=why)
    sys.exit(1)


def once(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def hear():
    """The next message; nothing at the end."""
    line = sys.stdin.buffer.readline(LINE_BYTES_MAX)
    if not line:
        return None
    if not line.endswith(b"\n"):
        give_up("protocol", "half a line, or one that is too long")
    try:
        message = json.loads(line.decode(), object_pairs_hook=once)
        return message, message["type"], message.get("id")
    except (ValueError, KeyError, TypeError, RecursionError):
        give_up("protocol", "the line is no message")


def fits(value, schema):
    if schema["type"] == "string":
        is_short = isinstance(value, str) and len(value.encode()) <= schema["maxLength"]
        return is_short and value in schema.get("enum", [value])
    if schema["type"] == "boolean":
        return isinstance(value, bool)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and schema.get("minimum", value) <= value <= schema.get("maximum", value)


def call(name, arguments):
    tool = TOOLS.get(name)
    if tool is None:
        raise Failure("unknown_tool", "there is no such tool")
    given = {key: value for key, value in arguments.items() if value is not None}
    for key in tool["required"]:
        if key not in given:
            raise Failure("arguments", f"`{key}` is missing")
    for key, value in given.items():
        if key not in tool["properties"] or not fits(value, tool["properties"][key]):
            raise Failure("arguments", f"`{key[:64]}` is not what the schema says")
    return tool["run"](**given)


def described(name, tool):
    parameters = {
        "type": "object",
        "properties": tool["properties"],
        "required": tool["required"],
        "additionalProperties": False,
    }
    return {"name": name, "description": tool["description"], "parameters": parameters}


def main():
    is_greeted = False
    while (heard := hear()) is not None:
        message, kind, number = heard
        if kind == "hello" and not is_greeted:
            if message.get("version") != 1:
                give_up("version", "this skill speaks version 1")
            is_greeted = True
            say(type="hello", version=1, name=NAME, release=RELEASE)
        elif kind == "describe" and is_greeted:
            tools = [described(name, tool) for name, tool in TOOLS.items()]
            say(type="description", id=number, tools=tools)
        elif kind == "call" and is_greeted:
            try:
                output = call(message.get("tool"), message.get("arguments", {}))
                say(type="result", id=number, output=output)
            except Failure as failure:
                say(type="error", id=number, code=failure.code, message=str(failure))
        # A cancel that comes here crossed with the end of its call.
        elif kind != "cancel" or not is_greeted:
            give_up("protocol", "such a message cannot come at this point")


main()
