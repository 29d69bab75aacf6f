//! Heads as common clients and servers send them. Goal: strictness costs nobody a real peer.

use sentinel_core::wire::http::{HttpLimits, Method};

use crate::drive::{read_requests, read_response, request};

#[test]
fn requests_of_common_clients_are_accepted() {
    for bytes in [
        // curl
        "GET /get?a[]=1&b=%20x HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8.5.0\r\n\
         Accept: */*\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
         Content-Length: 3\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Expect: 100-continue\r\n\r\na=b",
        "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8.5.0\r\n\
         Accept: */*\r\n\
         Proxy-Connection: Keep-Alive\r\n\r\n",
        "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nUser-Agent: curl/8.5.0\r\n\
         Proxy-Connection: Keep-Alive\r\n\r\n",
        // Firefox
        "GET /favicon.ico HTTP/1.1\r\nHost: [::1]:3000\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
         Accept: image/avif,image/webp,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n\
         Cookie: a=b; c=\"d\"\r\n\
         Sec-Fetch-Dest: image\r\nPriority: u=6\r\n\r\n",
        // Chrome, a websocket
        "GET /chat?x={y}|z HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nConnection: Upgrade\r\n\
         Pragma: no-cache\r\n\
         Upgrade: websocket\r\nOrigin: http://127.0.0.1:9000\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-ch-ua: \"Chromium\";v=\"126\", \"Not.A/Brand\";v=\"24\"\r\n\r\n",
        // ApacheBench and wget
        "GET / HTTP/1.0\r\nHost: localhost:8080\r\nUser-Agent: ApacheBench/2.3\r\n\
         Accept: */*\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: Wget/1.24.5\r\nAccept: */*\r\n\
         Accept-Encoding: identity\r\nConnection: Keep-Alive\r\n\r\n",
        // Go, chunked
        "POST /v1/messages HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: Go-http-client/1.1\r\n\
         Transfer-Encoding: chunked\r\nX-Api-Key: k\r\nAccept-Encoding: gzip\r\n\r\n2\r\n{}\r\n\
         0\r\n\r\n",
        // A load balancer's probe
        "OPTIONS * HTTP/1.1\r\nhost: backend_1.internal\r\ncontent-length: 0\r\n\r\n",
    ] {
        let outcome = read_requests(HttpLimits::default(), [bytes.as_bytes()], false);
        assert_eq!((outcome.error, outcome.ends()), (None, 1), "{bytes}");
        assert!(outcome.left.is_empty());
    }
}

#[test]
fn responses_of_common_servers_are_accepted() {
    for bytes in [
        // nginx
        "HTTP/1.1 200 OK\r\nServer: nginx/1.24.0 (Ubuntu)\r\n\
         Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
         Content-Type: text/html\r\nContent-Length: 2\r\n\
         Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
         Connection: keep-alive\r\nETag: \"6592c0f0-2\"\r\nAccept-Ranges: bytes\r\n\r\nok",
        "HTTP/1.1 304 Not Modified\r\nServer: nginx\r\nETag: \"x\"\r\n\
         Connection: keep-alive\r\n\r\n",
        // Apache
        "HTTP/1.1 301 Moved Permanently\r\nDate: x\r\nServer: Apache/2.4.57 (Debian)\r\n\
         Location: https://example.com/\r\nContent-Length: 1\r\nKeep-Alive: timeout=5, max=100\r\n\
         Connection: Keep-Alive\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\nx",
        // Cloudflare in front of an API
        "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
         Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nCF-RAY: 8-FRA\r\n\
         Set-Cookie: __cf_bm=x; path=/; HttpOnly; Secure\r\nSet-Cookie: b=c\r\n\
         alt-svc: h3=\":443\"; ma=86400\r\n\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n",
        // Python's http.server
        "HTTP/1.0 200 OK\r\nServer: SimpleHTTP/0.6 Python/3.12.3\r\nContent-type: text/html\r\n\
         Content-Length: 1\r\n\r\nx",
        // Go, Node, IIS, a gRPC gateway without a reason, an old camera
        "HTTP/1.1 404 Not Found\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 204 No Content\r\nX-Powered-By: Express\r\nAccess-Control-Allow-Origin: *\r\n\
         \r\n",
        "HTTP/1.1 200 OK\r\nServer: Microsoft-IIS/10.0\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 \r\nserver: envoy\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nServer: Boa/0.94\r\n\r\nuntil the end",
    ] {
        let head = request(Method::GET, "/");
        let outcome = read_response(&head, HttpLimits::default(), [bytes.as_bytes()], true);
        assert_eq!((outcome.error, outcome.ends()), (None, 1), "{bytes}");
        assert!(outcome.left.is_empty());
    }
}
