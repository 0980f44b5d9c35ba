//! Values of JavaScript as the words of a command.

use js_sys::{Array, ArrayBuffer, BigInt, JsString, Number, Uint8Array};
use wasm_bindgen::prelude::*;

/// The words that were passed to a function that takes any number of them: the values themselves, or
/// the elements of the one array that was passed.
pub(crate) fn read(values: Vec<JsValue>) -> Result<Vec<Vec<u8>>, JsValue> {
    let values = match values.as_slice() {
        [only] if Array::is_array(only) => Array::from(only).to_vec(),
        _ => values,
    };
    if values.is_empty() {
        return Err(type_error("a command has at least one word"));
    }
    values.iter().map(word).collect()
}

/// One value as a word: strings as UTF-8, numbers as JavaScript prints them, bytes as they are.
pub(crate) fn word(value: &JsValue) -> Result<Vec<u8>, JsValue> {
    if let Some(text) = value.as_string() {
        return Ok(text.into_bytes());
    }
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Ok(bytes.to_vec());
    }
    if let Some(buffer) = value.dyn_ref::<ArrayBuffer>() {
        return Ok(Uint8Array::new(buffer).to_vec());
    }
    if let Some(number) = value.as_f64() {
        return Ok(number_text(number).into_bytes());
    }
    if value.is_bigint() {
        let digits = value.clone().unchecked_into::<BigInt>().to_string(10);
        return digits.map(|digits| String::from(digits).into_bytes()).map_err(Into::into);
    }
    Err(type_error(
        "the words of a command are strings, numbers, bigints, Uint8Arrays or ArrayBuffers",
    ))
}

/// The words that stand for one name or for several.
pub(crate) fn names(value: &JsValue) -> Result<Vec<Vec<u8>>, JsValue> {
    if Array::is_array(value) {
        return read(Array::from(value).to_vec());
    }
    read(vec![value.clone()])
}

/// Infinity has another name in Redis.
fn number_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text: JsString =
        Number::from(number).to_string_with_radix(10).unwrap_or_else(|_| "nan".into());
    text.into()
}

/// A TypeError: the caller has made a mistake, and nothing was sent.
pub(crate) fn type_error(message: &str) -> JsValue {
    js_sys::TypeError::new(message).into()
}
