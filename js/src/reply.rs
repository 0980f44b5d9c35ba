//! Replies as natural values of JavaScript.

use js_sys::{Array, BigInt, Map, Object, Reflect, Set, Uint8Array};
use redstart::resp::Reply;
use wasm_bindgen::prelude::*;

use crate::options::{Maps, Shape};
use crate::world::RedisError;

/// The largest whole number below which all of them are numbers of JavaScript.
const SAFE_MAX: u64 = (1 << 53) - 1;

impl Shape {
    /// The value for `reply`. An error within it is an error object; whoever sends commands throws
    /// the one that is the whole reply. Costs O(reply).
    pub(crate) fn value(self, reply: &Reply) -> JsValue {
        match reply {
            Reply::Null => JsValue::NULL,
            Reply::Int(number) if number.unsigned_abs() <= SAFE_MAX => {
                JsValue::from_f64(*number as f64)
            }
            Reply::Int(number) => JsValue::from(*number),
            Reply::Bool(value) => JsValue::from_bool(*value),
            Reply::Double(digits) => JsValue::from_f64(double(digits)),
            Reply::BigNumber(digits) => big(digits),
            Reply::Simple(bytes) | Reply::Bulk(bytes) | Reply::Verbatim(bytes) => {
                self.string(bytes)
            }
            Reply::Error(bytes) | Reply::BulkError(bytes) => {
                RedisError::new(&String::from_utf8_lossy(bytes)).into()
            }
            Reply::Array(elements) | Reply::Push(elements) => self.array(elements).into(),
            Reply::Set(elements) => Set::new(&self.array(elements).into()).into(),
            Reply::Map(pairs) => self.map(pairs),
            Reply::Attributed(_, reply) => self.value(reply),
        }
    }

    /// Text where the bytes are UTF-8 and text is wanted, and the bytes themselves otherwise: nothing
    /// is lost.
    pub(crate) fn string(self, bytes: &[u8]) -> JsValue {
        match std::str::from_utf8(bytes) {
            Ok(text) if !self.binary => JsValue::from_str(text),
            _ => Uint8Array::from(bytes).into(),
        }
    }

    fn array(self, elements: &[Reply]) -> Array {
        elements.iter().map(|element| self.value(element)).collect()
    }

    fn map(self, pairs: &[(Reply, Reply)]) -> JsValue {
        // Names are text, whatever the values are wanted as.
        let name = |key: &Reply| match key {
            Reply::Simple(bytes) | Reply::Bulk(bytes) => {
                std::str::from_utf8(bytes).ok().map(str::to_owned)
            }
            Reply::Int(number) => Some(number.to_string()),
            _ => None,
        };
        let names: Option<Vec<String>> = pairs.iter().map(|(key, _)| name(key)).collect();
        if let Some(names) = names.filter(|_| self.maps == Maps::Object) {
            // Without a prototype: a field may be called `__proto__`.
            let object: Object = Object::create(JsValue::NULL.unchecked_ref());
            for (name, (_, value)) in names.iter().zip(pairs) {
                // It fails only for what cannot be changed, and this is new.
                let _ = Reflect::set(&object, &JsValue::from_str(name), &self.value(value));
            }
            return object.into();
        }
        let map = Map::new();
        for (key, value) in pairs {
            map.set(&self.value(key), &self.value(value));
        }
        map.into()
    }
}

fn double(digits: &[u8]) -> f64 {
    let text = std::str::from_utf8(digits).unwrap_or_default();
    // Rust reads `inf`, `-inf` and `nan` as Redis writes them.
    text.parse().unwrap_or(f64::NAN)
}

fn big(digits: &[u8]) -> JsValue {
    let text = JsValue::from_str(&String::from_utf8_lossy(digits));
    BigInt::new(&text).map_or(text, Into::into)
}
