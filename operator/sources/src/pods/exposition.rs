//! One line in the format of Prometheus: a name, labels, a value, and when it was measured. Only what the kubelet's counters
//! need of it. Pure.

use jiff::Timestamp;

/// A value of a counter or a gauge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    /// The metric's name.
    pub(crate) name: &'a str,
    /// Its labels as they are written, between the braces.
    labels: &'a str,
    /// Its value.
    pub(crate) value: f64,
    /// When it was measured, where the line says so.
    pub(crate) at: Option<Timestamp>,
}

impl<'a> Sample<'a> {
    /// Reads a line; `None` for comments, and for all but samples of a finite value.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let end_of_name = line.find(['{', ' ', '\t'])?;
        let (name, rest) = line.split_at(end_of_name);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(inside) => inside.split_at(end_of_labels(inside)?),
            None => ("", rest),
        };
        let mut numbers = rest.trim_start_matches('}').split_ascii_whitespace();
        let value: f64 = numbers.next()?.parse().ok()?;
        let milliseconds = numbers.next().and_then(|at| at.parse().ok());
        let at = milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok());
        (!name.is_empty() && value.is_finite()).then_some(Self { name, labels, value, at })
    }

    /// The text of a label, as it is written: an escaped character stays escaped.
    pub(crate) fn label(&self, wanted: &str) -> Option<&'a str> {
        let mut rest = self.labels;
        loop {
            let (name, after) = rest.trim_start_matches([',', ' ']).split_once('=')?;
            let quoted = after.trim_start().strip_prefix('"')?;
            let end = end_of_text(quoted)?;
            if name.trim_end() == wanted {
                return quoted.get(..end);
            }
            rest = quoted.get(end + 1..)?;
        }
    }
}

/// Where the closing brace is: one within a label's text is none.
fn end_of_labels(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let next = at + rest.find(['"', '}'])?;
        if text.as_bytes().get(next) == Some(&b'}') {
            return Some(next);
        }
        at = next + 1 + end_of_text(text.get(next + 1..)?)? + 1;
    }
}

/// Where the closing quote is: one behind a backslash is none.
fn end_of_text(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_kubelet_is_read() {
        let line = r#"container_cpu_usage_seconds_total{container="",cpu="total",id="/kubepods/burstable/pod6a23/88bf",image="",name="",namespace="",pod=""} 1.535211902 1795338460229"#;
        let sample = Sample::parse(line).unwrap();
        assert_eq!(sample.name, "container_cpu_usage_seconds_total");
        assert_eq!(sample.label("id"), Some("/kubepods/burstable/pod6a23/88bf"));
        assert_eq!((sample.label("image"), sample.label("interface")), (Some(""), None));
        assert!((sample.value - 1.535_211_902).abs() < 1e-12);
        assert_eq!(sample.at.unwrap().as_millisecond(), 1_795_338_460_229);
    }

    #[test]
    fn braces_quotes_and_commas_in_a_label_end_nothing() {
        let sample = Sample::parse(r#"a{x="}, id=\"no\" \\",id="yes"} 1e+03"#).unwrap();
        assert_eq!((sample.label("id"), sample.at), (Some("yes"), None));
        assert!((sample.value - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn a_line_without_labels_is_read() {
        let sample = Sample::parse("machine_cpu_cores 2").unwrap();
        assert_eq!((sample.name, sample.label("id")), ("machine_cpu_cores", None));
    }

    #[test]
    fn what_is_no_sample_is_left_out() {
        for line in [
            "",
            "# TYPE a counter",
            "a",
            "a{",
            r#"a{id="x} 1"#,
            r#"a{id="x"}"#,
            "a NaN",
            "a +Inf",
            "a one",
            "a{} ",
            r#"a{id="x\"#,
            "{} 1",
        ] {
            assert_eq!(Sample::parse(line), None, "{line}");
        }
        let odd = Sample::parse("a{id=x,=,\"} 1\"} 2").unwrap();
        assert_eq!(odd.label("id"), None);
    }
}
