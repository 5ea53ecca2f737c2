use catspaw_records::{Side, Utterance};
pub(super) fn message(_: &[u8], _: &mut impl FnMut(Utterance)) -> bool {
    false
}
#[derive(Default)]
pub(super) struct TcpDns;
impl TcpDns {
    pub(super) fn data(&mut self, _: Side, _: &[u8], _: &mut dyn FnMut(Utterance)) {}
}
