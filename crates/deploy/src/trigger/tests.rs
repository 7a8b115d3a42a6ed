use super::*;

fn problems(spec: Value) -> Vec<String> {
    match read(&[spec], "one", false) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|(at, problem)| format!("{at} {}", problem.text)).collect(),
    }
}

#[test]
fn an_event_trigger_gets_the_defaults_of_the_server() {
    let read = read(&[json!({"expect": ["b", "a", "b"], "within": "PT1H"})], "one", false).expect("a trigger");
    assert_eq!((read[0].name.as_str(), read[0].enabled), ("one__automation_1", true));
    assert_eq!(
        read[0].trigger,
        json!({"type": "event", "match": {}, "match_related": {}, "after": [], "expect": ["a", "b"],
            "for_each": [], "posture": "Reactive", "threshold": 1, "within": 3600.0})
    );
    let action = read[0].action(Uuid::nil());
    assert_eq!(action["parameters"], Value::Null);
    assert_eq!(action["schedule_after"], 0.0);
}

#[test]
fn a_proactive_trigger_waits_ten_seconds_at_least() {
    let within = |spec| read(&[spec], "one", false).expect("a trigger")[0].trigger["within"].clone();
    assert_eq!(within(json!({"posture": "Proactive"})), 10.0);
    assert_eq!(within(json!({"posture": "Proactive", "within": "0:02:00"})), 120.0);
    assert_eq!(
        problems(json!({"posture": "Proactive", "within": 5})),
        ["/triggers/0/within a Proactive trigger waits at least 10 seconds"]
    );
}

#[test]
fn what_the_server_would_refuse_is_refused_before() {
    assert_eq!(problems(json!({"expect": "order.paid"})), ["/triggers/0/expect found text, wanted a list of texts"]);
    assert_eq!(
        problems(json!({"type": "metric", "metric": {}})),
        ["/triggers/0/type metric triggers exist on Prefect Cloud only, and this server is none"]
    );
    assert_eq!(problems(json!({"type": "evnt"})), ["/triggers/0/type there is no trigger of type \"evnt\""]);
    assert_eq!(problems(json!({"expct": ["a"]})), ["/triggers/0/expct a trigger of this type has no such key"]);
    assert_eq!(problems(json!([])), ["/triggers/0 found a list, wanted a mapping"]);
    assert_eq!(
        problems(json!({"type": "compound", "require": 3, "triggers": [{"expect": ["a"]}]})),
        ["/triggers/0/require wanted 1 to 1: the trigger has that many"]
    );
    assert_eq!(problems(json!({"schedule_after": -1})).len(), 1);
    assert_eq!(problems(json!({"enabled": 3})), ["/triggers/0/enabled found a number, wanted true or false"]);
}
