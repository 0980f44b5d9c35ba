//! The engine as JavaScript sees it.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use crate::client::{Client, Line};
use crate::connection::Connection;
use crate::host::Host;
use crate::options::{ClientOptions, EngineOptions};
use crate::shell::Shell;
use crate::subscription::{self, failure};
use crate::words::type_error;

/// A Redis-compatible engine in memory. Made by {@link open}.
#[wasm_bindgen]
pub struct Redstart {
    host: Rc<Host>,
    options: ClientOptions,
    /// The connection behind the engine's own methods, opened when first used.
    line: RefCell<Option<Rc<Line>>>,
    service: Rc<Service>,
}

/// The connection for what is no command of the user, and what waits for it: one thing at a time.
struct Service {
    line: RefCell<Option<Rc<Line>>>,
    last: RefCell<Promise>,
}

#[wasm_bindgen]
impl Redstart {
    #[wasm_bindgen(constructor, skip_typescript)]
    pub fn new(options: JsValue) -> Result<Self, JsError> {
        let options = EngineOptions::read(options)?;
        options.client.shape()?;
        let host = Host::new(options.config()?, options.seed(), options.clock()?);
        let last = RefCell::new(Promise::resolve(&JsValue::UNDEFINED));
        let service = Rc::new(Service { line: RefCell::default(), last });
        Ok(Self { host, options: options.client, line: RefCell::default(), service })
    }

    #[wasm_bindgen(skip_typescript, variadic)]
    pub fn command(&self, words: Vec<JsValue>) -> Result<Promise, JsError> {
        Ok(self.line()?.command(words))
    }

    #[wasm_bindgen(skip_typescript)]
    pub fn pipeline(&self, commands: &Array) -> Result<Promise, JsError> {
        Ok(self.line()?.pipeline(commands))
    }

    #[wasm_bindgen(skip_typescript)]
    pub fn transaction(&self, commands: &Array) -> Result<Promise, JsError> {
        Ok(self.line()?.transaction(commands))
    }

    /// Opens another client. What its options leave out is as in those of {@link open}.
    pub fn client(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "ClientOptions")] options: JsValue,
    ) -> Result<Client, JsError> {
        let shape = self.options.with(options)?.shape()?;
        Ok(Client { line: Line::open(&self.host, shape) })
    }

    /// Subscribes to one channel or several (`SUBSCRIBE`). The promise is fulfilled when all are heard.
    #[wasm_bindgen(unchecked_return_type = "Promise<Subscription>")]
    pub fn subscribe(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Word | Word[]")] channels: JsValue,
        #[wasm_bindgen(unchecked_param_type = "(message: Message) => void")] listener: Function,
    ) -> Result<Promise, JsError> {
        self.listen("SUBSCRIBE", &channels, listener)
    }

    /// Subscribes to the channels whose names match one pattern or several (`PSUBSCRIBE`).
    #[wasm_bindgen(unchecked_return_type = "Promise<Subscription>")]
    pub fn psubscribe(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Word | Word[]")] patterns: JsValue,
        #[wasm_bindgen(unchecked_param_type = "(message: Message) => void")] listener: Function,
    ) -> Result<Promise, JsError> {
        self.listen("PSUBSCRIBE", &patterns, listener)
    }

    /// Subscribes to one shard channel or several (`SSUBSCRIBE`).
    #[wasm_bindgen(unchecked_return_type = "Promise<Subscription>")]
    pub fn ssubscribe(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Word | Word[]")] channels: JsValue,
        #[wasm_bindgen(unchecked_param_type = "(message: Message) => void")] listener: Function,
    ) -> Result<Promise, JsError> {
        self.listen("SSUBSCRIBE", &channels, listener)
    }

    /// Hears of every command that is run (`MONITOR`), as one line of text each.
    #[wasm_bindgen(unchecked_return_type = "Promise<Subscription>")]
    pub fn monitor(
        &self,
        #[wasm_bindgen(unchecked_param_type = "(line: string) => void")] listener: Function,
    ) -> Result<Promise, JsError> {
        let shape = self.options.shape()?;
        Ok(subscription::monitor(&self.host, shape, listener))
    }

    /// Everything there is, as the bytes of an RDB file: `redis-server` starts with it, and
    /// {@link Redstart.load} takes it. It holds all that was changed
    /// before the call.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn snapshot(&self) -> Promise {
        let (host, service) = (self.host.clone(), self.service.clone());
        self.service.queue(async move {
            service.run(&host, &["SAVE"]).await?;
            let bytes = host.files().take_placed().unwrap_or_default();
            Ok(Uint8Array::from(bytes.as_slice()).into())
        })
    }

    /// Puts what an RDB file holds in the place of everything there is; it may come from any Redis or
    /// Valkey. If it cannot be read, the promise is rejected and nothing has changed.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn load(&self, rdb: Vec<u8>) -> Promise {
        let (host, service) = (self.host.clone(), self.service.clone());
        self.service.queue(async move {
            host.files().offer(rdb);
            let loaded = service.run(&host, &["DEBUG", "RELOAD", "NOSAVE"]).await;
            host.files().withdraw();
            // The reply only says to look at the log.
            loaded.map(|_| JsValue::UNDEFINED).map_err(|_| failure(&host.warning()))
        })
    }

    /// Opens a connection as bytes of RESP: `onData` gets what the engine sends, `onClose` is called when
    /// the engine has closed it.
    pub fn connect(
        &self,
        #[wasm_bindgen(unchecked_param_type = "(bytes: Uint8Array) => void", js_name = onData)]
        on_data: Function,
        #[wasm_bindgen(unchecked_param_type = "() => void", js_name = onClose)] on_close: Function,
    ) -> Connection {
        Connection::open(&self.host, on_data, on_close)
    }

    /// Opens a terminal: lines go in, and what redis-cli would print comes out. `onChange` is called when
    /// there is something new in {@link Shell.blocks}.
    pub fn shell(
        &self,
        #[wasm_bindgen(unchecked_param_type = "() => void", js_name = onChange)]
        on_change: Function,
    ) -> Shell {
        Shell::open(&self.host, on_change)
    }

    /// Lets milliseconds pass on a clock that stands still (the option `clock` was a number). What
    /// expires or gives up waiting meanwhile does so at its time.
    pub fn advance(&self, ms: f64) -> Result<(), JsValue> {
        if !self.host.stands_still() {
            return Err(type_error(
                "only a clock that stands still can be moved; open with { clock: ms }",
            ));
        }
        if self.host.is_busy() {
            return Err(type_error("a listener cannot move the clock on"));
        }
        self.host.advance_us((ms.max(0.0) * 1000.0) as u64);
        Ok(())
    }

    /// The engine's time, in milliseconds since 1970.
    #[wasm_bindgen(getter)]
    pub fn now(&self) -> f64 {
        self.host.now_ms()
    }

    /// Ends the engine and gives its memory back. What is still awaited is rejected.
    pub fn close(&self) {
        self.host.close();
    }

    /// Whether it has ended: by {@link Redstart.close}, or by `SHUTDOWN`.
    #[wasm_bindgen(getter, js_name = isClosed)]
    pub fn is_closed(&self) -> bool {
        self.host.is_closed()
    }
}

impl Redstart {
    fn listen(
        &self,
        command: &str,
        names: &JsValue,
        listener: Function,
    ) -> Result<Promise, JsError> {
        let shape = self.options.shape()?;
        Ok(subscription::subscribe(&self.host, shape, command, names, listener))
    }

    /// The engine's own connection, a new one if it was closed.
    fn line(&self) -> Result<Rc<Line>, JsError> {
        let open = self.line.borrow().clone().filter(|line| line.is_open());
        if let Some(line) = open {
            return Ok(line);
        }
        let line = Line::open(&self.host, self.options.shape()?);
        *self.line.borrow_mut() = Some(line.clone());
        Ok(line)
    }
}

impl Service {
    /// Does `work` after everything that was queued before.
    fn queue(&self, work: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
        let before = self.last.borrow().clone();
        let promise = future_to_promise(async move {
            // Whoever asked for that hears of its failure.
            let _ = JsFuture::from(before).await;
            work.await
        });
        *self.last.borrow_mut() = promise.clone();
        promise
    }

    async fn run(&self, host: &Rc<Host>, words: &[&str]) -> Result<JsValue, JsValue> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let open = self.line.borrow().clone().filter(|line| line.is_open());
        let line = match open {
            Some(line) => line,
            None => {
                let line = Line::open(host, ClientOptions::default().shape()?);
                *self.line.borrow_mut() = Some(line.clone());
                line
            }
        };
        JsFuture::from(line.promise(&words)).await
    }
}
