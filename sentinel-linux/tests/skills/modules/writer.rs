//! Modules written by hand: what a compiler would never make has to be made somehow.

/// A module that speaks the contract with lines it has ready, and does something else besides.
pub(crate) struct Module {
    pub(crate) imports: Vec<(&'static str, &'static str)>,
    /// What its functions do, `run` first.
    pub(crate) functions: Vec<Vec<u8>>,
    pub(crate) exports: Vec<(&'static str, u8, u32)>,
    pub(crate) has_start: bool,
    /// Pages of its memory at first.
    pub(crate) pages: u32,
    pub(crate) data: Vec<u8>,
}

impl Module {
    pub(crate) fn new() -> Self {
        Self {
            imports: vec![("sentinel", "send"), ("sentinel", "receive")],
            functions: vec![Vec::new()],
            exports: vec![("run", 0, RUN), ("memory", 2, 0)],
            has_start: false,
            pages: 4,
            data: Vec::new(),
        }
    }

    /// Adds to what `run` does.
    pub(crate) fn does(&mut self, code: &[u8]) {
        self.functions[0].extend_from_slice(code);
    }

    /// `run` waits for a line, and forgets it.
    pub(crate) fn hears(&mut self) {
        self.does(&[number(ROOM), number(LINE_BYTES), call(RECEIVE), vec![DROP]].concat());
    }

    /// `run` says this.
    pub(crate) fn says(&mut self, text: &str) {
        let (start, length) = (self.data.len(), text.len());
        self.data.extend_from_slice(text.as_bytes());
        let [start, length] = [start, length].map(|it| number(i32::try_from(it).unwrap()));
        self.does(&[start, length, call(SEND), vec![DROP]].concat());
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        // () -> i32, (i32, i32) -> i32, () -> ()
        let types = [&[0x60, 0, 1, I32][..], &[0x60, 2, I32, I32, 1, I32], &[0x60, 0, 0]];
        section(&mut bytes, 1, &list(types.iter().map(|it| it.to_vec())));
        let imports = self.imports.iter().map(|(module, name)| match *name {
            "memory" => [text(module), text(name), vec![2, 0, 1]].concat(),
            _ => [text(module), text(name), vec![0, 1]].concat(),
        });
        section(&mut bytes, 2, &list(imports));
        let kinds = (0..self.functions.len()).map(|at| vec![if at == 0 { 0 } else { 2 }]);
        section(&mut bytes, 3, &list(kinds));
        section(&mut bytes, 4, &list([vec![FUNCTION, 0, 1]].into_iter()));
        section(&mut bytes, 5, &list([[vec![0], unsigned(self.pages)].concat()].into_iter()));
        let exports = self.exports.iter();
        let exports =
            exports.map(|(name, kind, at)| [text(name), vec![*kind], unsigned(*at)].concat());
        section(&mut bytes, 7, &list(exports));
        if self.has_start {
            section(&mut bytes, 8, &unsigned(RUN + 1));
        }
        let bodies = self.functions.iter().enumerate().map(|(at, code)| {
            let end = if at == 0 { [number(0), vec![END]].concat() } else { vec![END] };
            let body = [vec![0], code.clone(), end].concat();
            [unsigned(u32::try_from(body.len()).unwrap()), body].concat()
        });
        section(&mut bytes, 10, &list(bodies));
        let length = unsigned(u32::try_from(self.data.len()).unwrap());
        let data = [vec![0], number(0), vec![END], length, self.data.clone()].concat();
        section(&mut bytes, 11, &list([data].into_iter()));
        bytes
    }
}

pub(crate) fn number(number: i32) -> Vec<u8> {
    let mut bytes = vec![0x41];
    let mut left = number;
    loop {
        let byte = u8::try_from(left & 0x7f).unwrap();
        left >>= 7;
        let is_last = (left == 0 && byte & 0x40 == 0) || (left == -1 && byte & 0x40 != 0);
        bytes.push(if is_last { byte } else { byte | 0x80 });
        if is_last {
            return bytes;
        }
    }
}

pub(crate) fn call(function: u32) -> Vec<u8> {
    [vec![0x10], unsigned(function)].concat()
}

/// Calls it with these, and forgets what it gives.
pub(crate) fn call_with(function: u32, first: i32, second: i32) -> Vec<u8> {
    [number(first), number(second), call(function), vec![DROP]].concat()
}

/// Again and again while this leaves something other than −1.
pub(crate) fn until_refused(code: &[u8]) -> Vec<u8> {
    [vec![LOOP, NOTHING], code.to_vec(), number(-1), vec![NOT_EQUAL, BRANCH_IF, 0, END]].concat()
}

fn section(bytes: &mut Vec<u8>, number: u8, content: &[u8]) {
    bytes.push(number);
    bytes.extend(unsigned(u32::try_from(content.len()).unwrap()));
    bytes.extend_from_slice(content);
}

fn list(items: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<Vec<u8>> = items.collect();
    [unsigned(u32::try_from(items.len()).unwrap()), items.concat()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [unsigned(u32::try_from(text.len()).unwrap()), text.as_bytes().to_vec()].concat()
}

fn unsigned(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        bytes.push(if number == 0 { byte } else { byte | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

pub(crate) const SEND: u32 = 0;
pub(crate) const RECEIVE: u32 = 1;
pub(crate) const RUN: u32 = 2;

pub(crate) const UNREACHABLE: u8 = 0x00;
pub(crate) const LOOP: u8 = 0x03;
pub(crate) const END: u8 = 0x0b;
pub(crate) const BRANCH: u8 = 0x0c;
pub(crate) const BRANCH_IF: u8 = 0x0d;
pub(crate) const DROP: u8 = 0x1a;
pub(crate) const NOT_EQUAL: u8 = 0x47;
pub(crate) const NOTHING: u8 = 0x40;
const I32: u8 = 0x7f;
const FUNCTION: u8 = 0x70;

/// Where it puts what it is told: behind its first page, with its own lines in front.
const ROOM: i32 = 0x1_0000;
const LINE_BYTES: i32 = 0x1_0000;
