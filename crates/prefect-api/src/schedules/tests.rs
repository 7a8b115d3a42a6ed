use serde_json::{Value, json};

use super::*;
use crate::fake::Fake;

const DEPLOYMENT: Uuid = Uuid::from_u128(0xd);

fn cron(cron: &str) -> Timing {
    Timing::Cron { cron: cron.into(), timezone: None, day_or: None }
}

/// As servers give them.
#[test]
fn each_kind_of_schedule_is_read_and_written_as_it_was() {
    for (json, timing) in [
        (
            json!({"cron": "0 0 * * *", "timezone": "America/Chicago", "day_or": true}),
            Timing::Cron { cron: "0 0 * * *".into(), timezone: Some("America/Chicago".into()), day_or: Some(true) },
        ),
        (
            json!({"interval": 3600.0, "anchor_date": "2026-01-01T00:00:00-06:00", "timezone": "UTC"}),
            Timing::Interval {
                interval: 3_600.0,
                anchor_date: Some("2026-01-01T00:00:00-06:00".into()),
                timezone: Some("UTC".into()),
            },
        ),
        (
            json!({"rrule": "FREQ=MONTHLY;BYDAY=-1FR", "timezone": "UTC"}),
            Timing::Rrule { rrule: "FREQ=MONTHLY;BYDAY=-1FR".into(), timezone: Some("UTC".into()) },
        ),
        (json!({"moon": "full"}), Timing::Other(json!({"moon": "full"}).as_object().unwrap().clone())),
    ] {
        assert_eq!(serde_json::from_value::<Timing>(json.clone()).unwrap(), timing);
        assert_eq!(serde_json::to_value(timing).unwrap(), json);
    }
    assert_eq!(serde_json::to_value(cron("0 4 * * *")).unwrap(), json!({"cron": "0 4 * * *"}));
}

#[tokio::test]
async fn schedules_of_a_deployment_are_read_made_changed_and_deleted() {
    let id = Uuid::from_u128(0x5);
    let answer = json!([{"id": id, "created": "2026-01-05T06:00:00Z", "deployment_id": DEPLOYMENT, "active": false,
        "schedule": {"cron": "0 0 * * *", "timezone": null, "day_or": true}, "max_scheduled_runs": null,
        "parameters": {"name": "x"}, "slug": "nightly"}]);
    let (client, fake) = Fake::client([(200, answer.clone()), (201, answer), (204, Value::Null), (204, Value::Null)]);
    let read = client.schedules(DEPLOYMENT).await.unwrap();
    assert_eq!((read[0].id, read[0].active, read[0].slug.as_deref()), (id, false, Some("nightly")));
    let schedule = Some(Timing::Cron { cron: "0 0 * * *".into(), timezone: None, day_or: Some(true) });
    assert_eq!(Some(&read[0].schedule), schedule.as_ref());
    let spec = ScheduleSpec { schedule, slug: Some("nightly".into()), ..ScheduleSpec::default() };
    assert_eq!(client.create_schedules(DEPLOYMENT, &[spec]).await, Ok(read));
    let off = ScheduleSpec { active: Some(false), ..ScheduleSpec::default() };
    client.update_schedule(DEPLOYMENT, id, &off).await.unwrap();
    client.delete_schedule(DEPLOYMENT, id).await.unwrap();

    let all = format!("/deployments/{DEPLOYMENT}/schedules");
    let new = json!([{"schedule": {"cron": "0 0 * * *", "day_or": true}, "slug": "nightly"}]);
    let expected = [
        (Method::Get, all.clone(), Value::Null),
        (Method::Post, all.clone(), new),
        (Method::Patch, format!("{all}/{id}"), json!({"active": false})),
        (Method::Delete, format!("{all}/{id}"), Value::Null),
    ];
    assert_eq!(fake.asked(), expected);
}

#[test]
fn a_schedule_of_2_20_has_neither_slug_nor_parameters() {
    let answer = json!({"id": Uuid::nil(), "deployment_id": DEPLOYMENT, "active": true, "max_active_runs": null,
        "schedule": {"interval": 60.0, "anchor_date": "2026-01-01T00:00:00+00:00", "timezone": "UTC"},
        "max_scheduled_runs": null, "catchup": false});
    let schedule: Schedule = serde_json::from_value(answer).unwrap();
    assert_eq!((schedule.slug, schedule.parameters.len()), (None, 0));
}
