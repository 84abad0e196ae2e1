//! How values of other rooms stand in the state file.

/// Values that have a text which can be read back.
pub(super) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::emulator::state) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in crate::emulator::state) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Durations of sessions, in seconds.
pub(super) mod seconds {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::rolesanywhere::SessionDuration;

    pub(in crate::emulator::state) fn serialize<S: Serializer>(
        duration: &SessionDuration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(duration.seconds())
    }

    pub(in crate::emulator::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SessionDuration, D::Error> {
        SessionDuration::try_from(u32::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Attribute mappings: specifiers by the names of fields.
pub(super) mod mapping {
    use std::collections::BTreeMap;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::admission::{AttributeMapping, CertificateField, Specifier};

    pub(in crate::emulator::state) fn serialize<S: Serializer>(
        mapping: &AttributeMapping,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let fields = mapping.fields().map(|(field, specifiers)| {
            let texts: Vec<&str> = specifiers.iter().map(Specifier::as_str).collect();
            (field.as_str(), texts)
        });
        serializer.collect_map(fields)
    }

    pub(in crate::emulator::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<AttributeMapping, D::Error> {
        let read = BTreeMap::<String, Vec<String>>::deserialize(deserializer)?;
        let mut mapping = AttributeMapping::none();
        for (name, texts) in read {
            let field = CertificateField::named(&name)
                .ok_or_else(|| D::Error::custom(format!("'{name}' is no field")))?;
            let specifiers = texts.iter().map(|text| text.parse());
            let specifiers = specifiers.collect::<Result<_, _>>();
            mapping.put(field, specifiers.map_err(D::Error::custom)?);
        }
        Ok(mapping)
    }
}
