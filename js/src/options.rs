//! What can be chosen when an engine or a client is opened.

use std::collections::BTreeMap;

use redstart::base::rng::Seed;
use redstart::engine::Config;
use redstart::engine::config::Local;
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use crate::clock::Clock;
use crate::world;

/// The options of an engine, as they come.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct EngineOptions {
    seed: Option<f64>,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    clock: JsValue,
    config: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(crate) client: ClientOptions,
}

/// The options of a client, as they come.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClientOptions {
    protocol: Option<u8>,
    binary: Option<bool>,
    maps: Option<Maps>,
}

/// What maps become.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Maps {
    /// Objects, where all names are text.
    #[default]
    Object,
    /// Maps.
    Map,
}

/// What replies look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) resp3: bool,
    pub(crate) binary: bool,
    pub(crate) maps: Maps,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            seed: None,
            clock: JsValue::UNDEFINED,
            config: BTreeMap::new(),
            client: ClientOptions::default(),
        }
    }
}

impl EngineOptions {
    /// Reads what was passed to a constructor.
    pub(crate) fn read(options: JsValue) -> Result<Self, JsError> {
        if options.is_undefined() || options.is_null() {
            return Ok(Self::default());
        }
        serde_wasm_bindgen::from_value(options).map_err(|error| JsError::new(&error.to_string()))
    }

    /// The clock.
    pub(crate) fn clock(&self) -> Result<Clock, JsError> {
        Clock::new(&self.clock)
    }

    /// The seed of everything random; without one, nobody can guess it.
    pub(crate) fn seed(&self) -> Seed {
        if let Some(seed) = self.seed {
            return Seed::of(seed as u64);
        }
        let bytes = world::random_bytes();
        let mut seed = [0; 4];
        for (word, bytes) in seed.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Seed(seed)
    }

    /// The settings.
    pub(crate) fn config(&self) -> Result<Config, JsError> {
        let mut config = Config::default();
        // Whoever opens an engine owns it, and it saves when it is asked to.
        config.enable_debug_command = Local::Local;
        config.save = Vec::new();
        for (name, value) in &self.config {
            let set = config.set_named(name, value);
            set.map_err(|error| JsError::new(&format!("config: {name} {value}: {error}")))?;
        }
        Ok(config)
    }
}

impl ClientOptions {
    /// Reads what was passed; what is missing is as in `self`.
    pub(crate) fn with(self, options: JsValue) -> Result<Self, JsError> {
        if options.is_undefined() || options.is_null() {
            return Ok(self);
        }
        let given: Self = serde_wasm_bindgen::from_value(options)
            .map_err(|error| JsError::new(&error.to_string()))?;
        Ok(Self {
            protocol: given.protocol.or(self.protocol),
            binary: given.binary.or(self.binary),
            maps: given.maps.or(self.maps),
        })
    }

    /// What replies look like.
    pub(crate) fn shape(self) -> Result<Shape, JsError> {
        let resp3 = match self.protocol {
            None | Some(3) => true,
            Some(2) => false,
            Some(_) => return Err(JsError::new("protocol is 2 or 3")),
        };
        let (binary, maps) = (self.binary.unwrap_or(false), self.maps.unwrap_or_default());
        Ok(Shape { resp3, binary, maps })
    }
}
