//! The tutorial.

use yew::prelude::*;

use super::ViewProps;

#[component]
pub(crate) fn Tutorial(props: &ViewProps) -> Html {
    html! { <p>{ props.wish.1.clone() }</p> }
}
