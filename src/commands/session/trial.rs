//! A session that is asked for only to see whether it is granted.

use std::time::Instant;

use crate::cli::SessionArgs;
use crate::commands::network::{tell, warn_of_skew};
use crate::commands::{Context, Error};
use crate::pki::Identity;
use crate::rolesanywhere::{
    CreateSession, Endpoint, Exchange, Progress, SessionDuration, Transport, create_session,
};

use super::plan;

/// A session that is asked for only to see whether it is granted: the shortest, and
/// never kept.
pub(in crate::commands) struct Trial<'a> {
    arguments: &'a SessionArgs,
    context: &'a Context,
    request: CreateSession,
    endpoint: Endpoint,
}

impl<'a> Trial<'a> {
    /// Puts the options together; nothing is opened.
    ///
    /// # Errors
    ///
    /// For options that are missing, malformed or do not fit together.
    pub(in crate::commands) fn new(
        arguments: &'a SessionArgs,
        context: &'a Context,
    ) -> Result<Self, Error> {
        let target = plan::target(arguments)?;
        Ok(Self {
            endpoint: plan::endpoint(arguments, context, target.region())?,
            request: CreateSession {
                target,
                duration: SessionDuration::shortest(),
                session_name: arguments.role_session_name.clone(),
            },
            arguments,
            context,
        })
    }

    /// Asks for it.
    ///
    /// # Errors
    ///
    /// Why it was not granted.
    pub(in crate::commands) fn ask(
        &self,
        identity: &Identity,
        until: Instant,
    ) -> Result<(), Error> {
        let context = self.context;
        let settings = plan::transport(self.arguments, context, &[&self.endpoint])?;
        let transport = Transport::new(&settings)?;
        let observe = |progress: &Progress<'_>| tell(&context.printer, progress);
        let exchange = Exchange {
            endpoint: &self.endpoint,
            transport: &transport,
            until: Some(until),
            observe: &observe,
        };
        let granted = create_session(exchange, &self.request, identity, context.clock.as_ref())?;
        warn_of_skew(context, &granted);
        Ok(())
    }
}
