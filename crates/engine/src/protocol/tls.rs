pub(super) enum Hello<'a> {
    Server(Option<&'a [u8]>),
    More,
    No,
}
pub(super) fn client_hello(_: &[u8]) -> Hello<'_> {
    Hello::No
}
