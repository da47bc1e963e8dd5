//! What scoring one form costs, once its answers are read: bands, criteria and flags included.
//!
//! Run: `cargo bench --bench scoring`

use attune::domain::instrument::{Answers, Instrument, Library, Person};
use attune::domain::risk::rules;
use attune::domain::scoring::score;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

/// A complete form: each item's options in turn.
fn complete(instrument: &Instrument) -> Answers {
    let mut answers = Answers::none(instrument);
    for (position, item) in instrument.items.iter().enumerate() {
        let values: Vec<_> = item.values().collect();
        if let Some(value) = values.get(position % values.len().max(1)) {
            answers
                .set(instrument, position, *value)
                .expect("an item takes its own values");
        }
    }
    answers
}

fn score_one_form(bench: &mut Criterion) {
    for id in ["phq9", "pcl5"] {
        let instrument = Library::embedded()
            .get(id)
            .expect("both ship with the program");
        let whole = complete(instrument);
        let mut gap = whole.clone();
        gap.clear(1);
        for (name, answers) in [("complete", whole), ("one_missing", gap)] {
            bench.bench_function(&format!("{id}_{name}"), |bencher| {
                bencher.iter(|| {
                    let answers = black_box(&answers);
                    let scored = score(instrument, answers, Person::default());
                    black_box(scored);
                    black_box(rules::evaluate(instrument, answers));
                });
            });
        }
    }
}

criterion_group!(scoring, score_one_form);
criterion_main!(scoring);
