//! A server that is slow and has many work pools.

use super::*;

/// A server with many pools that takes its time.
struct Slow {
    pools: usize,
    second: Arc<AtomicI64>,
    start: Instant,
    polled: Mutex<HashMap<String, u32>>,
}

/// The way to it.
struct Far(Arc<Slow>);

impl Transport for Far {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.0.second.store(self.0.start.elapsed().as_secs() as i64, Ordering::Relaxed);
        let path = request.path.as_str();
        let answer = if path == "/work_pools/filter" {
            let body: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
            let number = |key: &str| body[key].as_u64().unwrap() as usize;
            let pool =
                |it: usize| json!({"id": Uuid::from_u128(it as u128), "name": format!("p{it}"), "type": "ecs:push"});
            (0..self.0.pools).skip(number("offset")).take(number("limit")).map(pool).collect()
        } else {
            if path.ends_with("get_scheduled_flow_runs") {
                let name = path.split('/').nth(2).unwrap().to_owned();
                *self.0.polled.lock().unwrap().entry(name).or_default() += 1;
            }
            json!([])
        };
        Ok(Response { status: 200, retry_after: None, body: answer.to_string().into_bytes() })
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_pools_have_their_turn_at_a_slow_server() {
    let second = Arc::new(AtomicI64::new(0));
    let clock: Clock = {
        let second = Arc::clone(&second);
        Arc::new(move || at(second.load(Ordering::Relaxed)))
    };
    let slow = Slow { pools: 1_000, second, start: Instant::now(), polled: Mutex::default() };
    let (slow, sink) = (Arc::new(slow), Arc::new(Failures::default()));
    let client = Client::new(Far(Arc::clone(&slow)), Patience::FUNCTION);
    let poller = Poller::new(client, Arc::new(Queues::default()), Options::default(), Arc::clone(&sink) as _, clock);
    let event = json!({"Records": [{"messageId": "m", "body": EXTRA}]});
    let records = crate::sqs_event::records(event).unwrap();
    let mut polls = 0;
    while slow.polled.lock().unwrap().len() < slow.pools {
        poller.handle(&records, Instant::now() + Duration::from_secs(30)).await;
        polls += 1;
        assert!(polls <= 30, "{} of 1000 in {polls} polls", slow.polled.lock().unwrap().len());
    }
    let most = slow.polled.lock().unwrap().values().copied().max();
    assert!(most <= Some(2), "no pool has its third turn before all have had one: {most:?}");
    assert!(sink.0.lock().unwrap()[0].contains("of 1000 work pools were polled, and the next poll begins with"));
}
