//! Other ways to look at what was found.

use crate::pix::relay_log;
use crate::run::Place;

#[test]
fn csv_has_a_row_for_the_incident() {
    let place = Place::with("relay.log", relay_log());
    let said = place.scan(&["--format", "csv", "relay.log"]);
    assert_eq!(said.status, Some(1));
    let rows: Vec<&str> = said.out.lines().collect();
    assert!(rows[0].starts_with("id,host,public,owner,verdict,topology,authorised,services,tunnel,first_seen,"));
    assert_eq!(rows.len(), 2);
    assert!(rows[1].contains(",10.0.0.66,,,relay,forward,false,1182/tcp,,2003-03-04T00:00:01Z,"), "{}", rows[1]);
}
