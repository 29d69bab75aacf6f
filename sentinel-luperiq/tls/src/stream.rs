//! A connection to a host of which it is known who it is.
//!
//! # Invariants
//! - There is no [`Stream`] before the [`Verifier`] is content, and nothing but the handshake was
//!   sent until there is one.
//! - The end of a stream is one that the other side sealed; anything else is a failure.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use embedded_tls::{
    Aes128GcmSha256, CryptoProvider, CryptoRng, CryptoRngCore, TLS_RECORD_OVERHEAD, TlsConfig,
    TlsConnection, TlsContext, TlsError, TlsVerifier,
};
use p256::elliptic_curve::rand_core::{self, RngCore};
use rustls_pki_types::{DnsName, UnixTime};
use zeroize::Zeroizing;

use crate::records::{Cause, RECORD_BYTES_MAX, Records, Watch, Wire};
use crate::trust::Trust;
use crate::verifier::{Refused, Verifier};

/// Room for the records of one connection.
pub struct Room {
    read: Zeroizing<Vec<u8>>,
    write: Zeroizing<Vec<u8>>,
}

impl Room {
    /// Some.
    #[must_use]
    pub fn new() -> Self {
        let room = |bytes| Zeroizing::new(vec![0; bytes]);
        Self { read: room(RECORD_BYTES_MAX), write: room(WRITTEN_BYTES + TLS_RECORD_OVERHEAD) }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Room")
    }
}

/// A connection on which certificate, host, time and signature were verified.
pub struct Stream<'r, W: Wire> {
    connection: TlsConnection<'r, Records<'r, W>, Aes128GcmSha256>,
    watch: &'r Watch,
    has_ended: bool,
}

/// Whom to believe, and as whom.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'t> {
    /// The host that has to be there.
    pub host: &'t str,
    /// Who may vouch for it.
    pub trust: &'t Trust,
    /// When.
    pub time: UnixTime,
}

impl<'r, W: Wire> Stream<'r, W> {
    /// Agrees on keys, and goes on only with whom it wants to.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(
        wire: W,
        watch: &'r Watch,
        room: &'r mut Room,
        peer: Peer<'_>,
        random: Random,
    ) -> Result<Self, Unopened> {
        let host = DnsName::try_from(peer.host).map_err(|_| Unopened::Host)?;
        let mut verifier = Verifier::new(peer.trust, host, peer.time);
        let records = Records::new(wire, watch);
        let mut connection = TlsConnection::new(records, &mut room.read, &mut room.write);
        let config = TlsConfig::new().with_server_name(peer.host).enable_rsa_signatures();
        let provider = Provider { random, verifier: &mut verifier };
        if let Err(error) = connection.open(TlsContext::new(&config, provider)).await {
            return Err(match (watch.cause(), verifier.refused()) {
                (Some(cause), _) => Unopened::Wire(cause),
                (None, Some(refused)) => Unopened::Refused(refused),
                (None, None) => match error {
                    TlsError::IoError => Unopened::Closed,
                    TlsError::HandshakeAborted(_, alert) => Unopened::Alert(format!("{alert:?}")),
                    error => Unopened::Protocol(error),
                },
            });
        }
        verifier.finish().map_err(Unopened::Refused)?;
        watch.open();
        Ok(Self { connection, watch, has_ended: false })
    }

    /// Sends all of this, sealed.
    ///
    /// # Errors
    /// Why it was not sent.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let written = self.connection.write(bytes).await;
            let count = written.map_err(|error| self.broken(error))?;
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends what was gathered of the last record.
    ///
    /// # Errors
    /// Why it was not sent.
    pub async fn flush(&mut self) -> Result<(), Broken> {
        self.connection.flush().await.map_err(|error| self.broken(error))
    }

    /// Takes what came, 0 if the other side says that no more comes.
    ///
    /// # Errors
    /// Why nothing came; also if the connection ended and nobody said so under the key.
    pub async fn read(&mut self, room: &mut [u8]) -> Result<usize, Broken> {
        if self.has_ended || room.is_empty() {
            return Ok(0);
        }
        match self.connection.read(room).await {
            Err(TlsError::ConnectionClosed) => {
                self.has_ended = true;
                Ok(0)
            }
            outcome => outcome.map_err(|error| self.broken(error)),
        }
    }

    fn broken(&self, error: TlsError) -> Broken {
        match (self.watch.cause(), error) {
            (Some(cause), _) => Broken::Wire(cause),
            (None, TlsError::IoError) => Broken::Closed,
            (None, error) => Broken::Protocol(error),
        }
    }
}

impl<W: Wire> fmt::Debug for Stream<'_, W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("has_ended", &self.has_ended).finish()
    }
}

/// Why there is no stream.
#[derive(Debug)]
pub enum Unopened {
    /// The host's name is none that a certificate could have.
    Host,
    /// The server is not believed.
    Refused(Refused),
    /// The connection does not go on.
    Wire(Cause),
    /// The connection ended in the handshake.
    Closed,
    /// The server said this and went.
    Alert(String),
    /// The server does what TLS 1.3 does not allow, or what is not understood.
    Protocol(TlsError),
}

/// Why a stream does not go on.
#[derive(Debug)]
pub enum Broken {
    /// The connection does not.
    Wire(Cause),
    /// The connection ended, and the other side had not said so.
    Closed,
    /// What came is not sealed with its key, or not understood.
    Protocol(TlsError),
}

impl fmt::Display for Unopened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Host => "its name is none that a certificate could have".to_string(),
            Self::Refused(refused) => refused.to_string(),
            Self::Wire(cause) => cause.to_string(),
            Self::Closed => "the connection ended in the middle of the handshake".to_string(),
            Self::Alert(alert) => format!("the server refused the handshake: {alert}"),
            Self::Protocol(error) => format!("the server's handshake is not understood: {error}"),
        };
        formatter.write_str(&text)
    }
}

impl core::error::Error for Unopened {}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(cause) => cause.fmt(formatter),
            Self::Closed => formatter.write_str("the connection ended in the middle"),
            Self::Protocol(error) => write!(formatter, "what came is not understood: {error}"),
        }
    }
}

impl core::error::Error for Broken {}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LetGo => formatter.write_str("nobody waits for it any more"),
            Self::TimedOut => formatter.write_str("it took too long"),
            Self::Odd(why) => formatter.write_str(why),
            Self::Kernel(error) => write!(formatter, "{error}"),
        }
    }
}

/// Random bytes for one handshake, which needs some 64 of them.
pub struct Random {
    bytes: Zeroizing<[u8; RANDOM_BYTES]>,
    used: usize,
}

impl Random {
    /// From these bytes, of which each is used once.
    #[must_use]
    pub const fn new(bytes: Zeroizing<[u8; RANDOM_BYTES]>) -> Self {
        Self { bytes, used: 0 }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Random")
    }
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, room: &mut [u8]) {
        // A secret is drawn anew with a chance of one to 2^32; that this happens six times in a row
        // is no more likely than that somebody guesses it.
        let fresh = self.bytes.get(self.used..self.used + room.len());
        room.copy_from_slice(fresh.expect("a handshake draws two pieces of 32 bytes"));
        self.used += room.len();
    }

    fn try_fill_bytes(&mut self, room: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(room);
        Ok(())
    }
}

impl CryptoRng for Random {}

struct Provider<'p, 't> {
    random: Random,
    verifier: &'p mut Verifier<'t>,
}

impl CryptoProvider for Provider<'_, '_> {
    type CipherSuite = Aes128GcmSha256;
    /// Nothing is signed: this side has no certificate.
    type Signature = [u8; 0];

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.random
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut *self.verifier)
    }
}

/// What is sealed at once.
const WRITTEN_BYTES: usize = 16 << 10;

/// What the kernel gives at once.
pub const RANDOM_BYTES: usize = 256;
