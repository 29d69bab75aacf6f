//! ChaCha20-Poly1305 in TLS, for processors without instructions for AES.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload,
    Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError, make_tls12_aad,
    make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

/// The cipher, in both versions of the protocol.
pub(super) struct ChaCha;

impl Tls13AeadAlgorithm for ChaCha {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Direction::<true>::new(&key, iv))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Direction::<true>::new(&key, iv))
    }

    fn key_len(&self) -> usize {
        KEY_BYTES
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok(ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv })
    }
}

impl Tls12AeadAlgorithm for ChaCha {
    fn encrypter(&self, key: AeadKey, iv: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Direction::<false>::new(&key, Iv::copy(iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Direction::<false>::new(&key, Iv::copy(iv)))
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape { enc_key_len: KEY_BYTES, fixed_iv_len: NONCE_BYTES, explicit_nonce_len: 0 }
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok(ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv: Iv::copy(iv) })
    }
}

/// One direction of a connection. TLS 1.3 (`IS_NEW`) seals the kind of a record with its content
/// and says of all that they are data (RFC 8446 §5.2); TLS 1.2 does not (RFC 7905 §2).
struct Direction<const IS_NEW: bool> {
    cipher: ChaCha20Poly1305,
    iv: Iv,
}

impl<const IS_NEW: bool> Direction<IS_NEW> {
    fn new(key: &AeadKey, iv: Iv) -> Self {
        let key = <&[u8; KEY_BYTES]>::try_from(key.as_ref())
            .expect("rustls cuts keys to the length that was asked for");
        Self { cipher: ChaCha20Poly1305::new(key.into()), iv }
    }

    fn nonce(&self, number: u64) -> [u8; NONCE_BYTES] {
        Nonce::new(&self.iv, number).0
    }
}

impl<const IS_NEW: bool> MessageEncrypter for Direction<IS_NEW> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        number: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        let (aad12, aad13);
        let (kind, version, aad): (_, _, &[u8]) = match IS_NEW {
            true => {
                payload.extend_from_slice(&message.typ.to_array());
                aad13 = make_tls13_aad(length);
                (ContentType::ApplicationData, ProtocolVersion::TLSv1_2, &aad13)
            }
            false => {
                let (kind, version) = (message.typ, message.version);
                aad12 = make_tls12_aad(number, kind, version, message.payload.len());
                (kind, version, &aad12)
            }
        };
        let nonce = self.nonce(number);
        let tag = self
            .cipher
            .encrypt_inout_detached((&nonce).into(), aad, InOutBuf::from(payload.as_mut()))
            .map_err(|_| Error::EncryptError)?;
        payload.extend_from_slice(&tag);
        Ok(OutboundOpaqueMessage::new(kind, version, payload))
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        length + usize::from(IS_NEW) + TAG_BYTES
    }
}

impl<const IS_NEW: bool> MessageDecrypter for Direction<IS_NEW> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let sealed = message.payload.len();
        let length = sealed.checked_sub(TAG_BYTES).ok_or(Error::DecryptError)?;
        let (aad12, aad13);
        let aad: &[u8] = match IS_NEW {
            true => {
                aad13 = make_tls13_aad(sealed);
                &aad13
            }
            false => {
                aad12 = make_tls12_aad(number, message.typ, message.version, length);
                &aad12
            }
        };
        let nonce = self.nonce(number);
        let (text, tag) = message.payload.split_at_mut(length);
        let tag = <&[u8; TAG_BYTES]>::try_from(&*tag).map_err(|_| Error::DecryptError)?;
        self.cipher
            .decrypt_inout_detached((&nonce).into(), aad, InOutBuf::from(text), tag.into())
            .map_err(|_| Error::DecryptError)?;
        message.payload.truncate(length);
        match IS_NEW {
            true => message.into_tls13_unpadded_message(),
            false if length > RECORD_BYTES_MAX => Err(Error::PeerSentOversizedRecord),
            false => Ok(message.into_plain_message()),
        }
    }
}

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Of the content of a record, before it is sealed (RFC 5246 §6.2.1).
const RECORD_BYTES_MAX: usize = 1 << 14;
