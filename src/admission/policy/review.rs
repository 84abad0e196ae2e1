//! Everything of a statement that does not match, where a judgement tells the first
//! thing only.

use super::context::RequestContext;
use super::document::{Effect, Statement, TrustPolicy};
use super::gap::{Gap, Mismatch};
use super::judgement::Action;

/// A statement that allows, and what keeps it from matching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// `statement 1`, with its Sid in brackets.
    pub label: String,
    /// What does not match: principal, action, conditions.
    pub problems: Vec<Mismatch>,
    /// What is not known, with the key of the condition that it is about.
    pub gaps: Vec<(Option<String>, Gap)>,
}

impl Review {
    /// How far the statement is from matching: one that is about another principal
    /// is further than one about another action, and that one than one whose
    /// conditions are not met.
    #[must_use]
    pub fn distance(&self) -> (bool, bool, usize) {
        let has = |is: fn(&Mismatch) -> bool| self.problems.iter().any(is);
        (
            has(|problem| matches!(problem, Mismatch::Principal { .. })),
            has(|problem| matches!(problem, Mismatch::Action { .. })),
            self.problems.len(),
        )
    }
}

impl TrustPolicy {
    /// Every statement that allows something, with all that keeps it from allowing
    /// this action, in the order of the policy.
    #[must_use]
    pub fn review(&self, action: Action, context: &RequestContext) -> Vec<Review> {
        let allowing = self.statements.iter();
        allowing
            .filter(|statement| statement.effect == Effect::Allow)
            .map(|statement| self.review_one(statement, action, context))
            .collect()
    }

    fn review_one(
        &self,
        statement: &Statement,
        action: Action,
        context: &RequestContext,
    ) -> Review {
        let mut review = Review {
            label: statement.label.clone(),
            problems: Vec::new(),
            gaps: Vec::new(),
        };
        if let Some(element) = self.unknown.as_ref().or(statement.unknown.as_ref()) {
            // As in a judgement: what else the statement says does not count.
            let element = element.clone();
            review.gaps.push((None, Gap::Element { element }));
            return review;
        }
        match statement.principals.includes(context) {
            Ok(true) => {}
            Ok(false) => review.problems.push(Mismatch::Principal {
                wanted: statement.principals.to_string(),
            }),
            Err(gap) => review.gaps.push((None, gap)),
        }
        if !statement.actions.includes(action.as_str()) {
            let wanted = statement.actions.to_string();
            review.problems.push(Mismatch::Action { wanted });
        }
        for condition in &statement.conditions {
            match condition.holds(context, statement.effect) {
                Ok(true) => {}
                Ok(false) => review.problems.push(condition.mismatch(context)),
                Err(gap) => review.gaps.push((Some(condition.key.clone()), gap)),
            }
        }
        review
    }
}
