#!/bin/sh
# A skill whose one tool takes nothing. Sentinel writes its lines in one spelling, the one of
# docs/SKILLS.md, so they can be told apart by how they begin and end. What takes parameters needs a
# language that reads JSON.

today() {
    date +%F
}

# A number that is an id, or the end.
number() {
    case $1 in
        '' | *[!0-9]*) give_up ;;
    esac
}

give_up() {
    echo '{"type":"error","id":0,"code":"protocol","message":"such a line cannot come here"}'
    exit 1
}

fail() {
    printf '{"type":"error","id":%s,"code":"%s","message":"%s"}\n' "$1" "$2" "$3"
}

IFS= read -r line || exit 0
case $line in
    '{"type":"hello","version":1}')
        echo '{"type":"hello","version":1,"name":"SKILL_NAME","release":"0.1.0"}'
        ;;
    '{"type":"hello",'*)
        echo '{"type":"error","id":0,"code":"version","message":"this skill speaks version 1"}'
        exit 1
        ;;
    *) give_up ;;
esac

while IFS= read -r line; do
    case $line in
        '{"type":"describe","id":'*'}')
            id=${line#'{"type":"describe","id":'}
            id=${id%'}'}
            number "$id"
            printf '{"type":"description","id":%s,"tools":[{"name":"today",%s,%s}]}\n' "$id" \
                '"description":"The date of today."' \
                '"parameters":{"type":"object","properties":{},"required":[],"additionalProperties":false}'
            ;;
        '{"type":"call","id":'*',"tool":"'*'","arguments":{'*'}}')
            id=${line#'{"type":"call","id":'}
            id=${id%%,*}
            number "$id"
            case ${line#*,\"tool\":} in
                '"today","arguments":{}}')
                    printf '{"type":"result","id":%s,"output":"%s"}\n' "$id" "$(today)"
                    ;;
                '"today",'*) fail "$id" arguments 'it takes no arguments' ;;
                *) fail "$id" unknown_tool 'there is no such tool' ;;
            esac
            ;;
        # It crossed with the end of its call.
        '{"type":"cancel","id":'*'}') ;;
        *) give_up ;;
    esac
done
