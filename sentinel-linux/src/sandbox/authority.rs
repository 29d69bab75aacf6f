//! A certificate that the programs of a sandbox believe besides those of the system.
//!
//! Programs are told of files with certificates by variables, and most of these mean one file in
//! place of the system's. So there are two: the certificate alone, and with all of the system's.
//!
//! # Invariants
//! - Nobody inside can change them, and there are none outside.

use std::ffi::CStr;

/// The directory that they are in.
pub(super) const DIRECTORY: &CStr = c".authority";

/// The files, and what is in them.
pub(super) fn files(authority: &[u8]) -> [(&'static CStr, Vec<u8>); 2] {
    let system = SYSTEM.iter().find_map(|path| std::fs::read(path).ok());
    let mut all = system.filter(|all| all.len() <= SYSTEM_BYTES_MAX).unwrap_or_default();
    if !all.is_empty() && !all.ends_with(b"\n") {
        all.push(b'\n');
    }
    all.extend_from_slice(authority);
    [(ALL, all), (OWN, authority.to_vec())]
}

/// The variables that tell programs where they are.
pub(crate) fn way_to_authority() -> impl Iterator<Item = Vec<u8>> {
    let all = [
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "CARGO_HTTP_CAINFO",
        "PIP_CERT",
        "AWS_CA_BUNDLE",
    ];
    // What this one names is added to what Node.js has in it.
    let own = ["NODE_EXTRA_CA_CERTS"];
    let named = |name, file: &CStr| format!("{name}=/{}", file.to_string_lossy()).into_bytes();
    let all = all.into_iter().map(move |name| named(name, ALL));
    all.chain(own.into_iter().map(move |name| named(name, OWN)))
}

const ALL: &CStr = c".authority/all.pem";
const OWN: &CStr = c".authority/own.pem";

/// Where distributions keep the certificates of all authorities.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Four times what there is today.
const SYSTEM_BYTES_MAX: usize = 1 << 20;
