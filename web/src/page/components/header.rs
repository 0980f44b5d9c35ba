//! The bar at the top.

use yew::prelude::*;

use crate::state::{Action, PANES_MAX, Theme};

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub(crate) theme: Theme,
    pub(crate) hints: bool,
    pub(crate) panes: usize,
    pub(crate) dispatch: Callback<Action>,
}

#[component]
pub(crate) fn Header(props: &Props) -> Html {
    let on = |action: Action| props.dispatch.reform(move |_: MouseEvent| action.clone());
    let theme = match props.theme {
        Theme::System => "Theme: system",
        Theme::Light => "Theme: light",
        Theme::Dark => "Theme: dark",
    };
    html! {
        <header class="bar">
            <a class="brand" href="./">
                <img src="icon.svg" alt="" width="32" height="32" />
                <h1>{ "Redstart" }</h1>
            </a>
            <p class="tagline">{ "A Redis-compatible engine, running in this tab" }</p>
            <div class="tools">
                <button type="button" aria-pressed={props.hints.to_string()}
                    onclick={on(Action::ToggleHints)}>{ "Examples" }</button>
                <button type="button" class="quiet" onclick={on(Action::NextTheme)}>{ theme }</button>
                <button type="button" class="main" disabled={props.panes >= PANES_MAX}
                    onclick={on(Action::OpenPane)}>{ "New pane" }</button>
            </div>
        </header>
    }
}
