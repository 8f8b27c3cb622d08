//! How many connections a database allows, as far as its parameter group tells: a number, or a formula of the memory that
//! its class has.

const GIBIBYTE: f64 = 1_073_741_824.0;

/// The number that a parameter's value comes to: the value itself, or what its formula gives with this memory. None where it is
/// neither, or where the memory is not known but needed.
pub(crate) fn evaluate(value: &str, memory_gibibytes: Option<f64>) -> Option<f64> {
    let text: String = value.chars().filter(|character| !character.is_whitespace()).collect();
    let mut formula = Formula { rest: &text, memory: memory_gibibytes.map(|memory| memory * GIBIBYTE) };
    let result = formula.value(0)?;
    (formula.rest.is_empty() && result.is_finite() && result >= 1.0).then(|| result.floor())
}

/// The memory of an instance class, in gibibytes: `db.m6g.xlarge` has 16. What AWS calls `DBInstanceClassMemory` is a
/// little less.
pub(crate) fn memory_gibibytes(class: &str) -> Option<f64> {
    let mut parts = class.strip_prefix("db.")?.split('.');
    let (family, size) = (parts.next()?, parts.next()?);
    // A third part changes what the class has: `db.r5.4xlarge.tpc2.mem2x` has twice the memory.
    if parts.next().is_some() {
        return None;
    }
    let processors = processors(size)?;
    let per_processor = match family.as_bytes().first()? {
        b't' => return burstable(size),
        b'c' => 2.0,
        b'm' => 4.0,
        b'r' => 8.0,
        b'x' if family.starts_with("x2g") => 16.0,
        b'x' if family.starts_with("x2ie") => 32.0,
        _ => return None,
    };
    // The classes before the fifth generation have odd sizes.
    let generation = family.chars().nth(1)?.to_digit(10)?;
    (generation >= 5 || family.starts_with('x')).then_some(processors * per_processor)
}

fn processors(size: &str) -> Option<f64> {
    match size {
        "micro" | "small" | "medium" => Some(1.0),
        "large" => Some(2.0),
        "xlarge" => Some(4.0),
        _ => {
            let times: u32 = size.strip_suffix("xlarge")?.parse().ok()?;
            Some(f64::from(times) * 4.0)
        }
    }
}

fn burstable(size: &str) -> Option<f64> {
    match size {
        "micro" => Some(1.0),
        "small" => Some(2.0),
        "medium" => Some(4.0),
        "large" => Some(8.0),
        "xlarge" => Some(16.0),
        "2xlarge" => Some(32.0),
        _ => None,
    }
}

/// A formula of a parameter group: numbers, `{DBInstanceClassMemory/9531392}`, and `LEAST`, `GREATEST` or `SUM` of some.
struct Formula<'a> {
    rest: &'a str,
    memory: Option<f64>,
}

/// The result of a function for two of its arguments.
type Combine = fn(f64, f64) -> f64;

/// Formulas of AWS nest once; a parameter group's owner may write anything.
const DEEPEST: u32 = 8;

impl Formula<'_> {
    fn value(&mut self, depth: u32) -> Option<f64> {
        if depth > DEEPEST {
            return None;
        }
        if self.take("{") {
            let result = self.product(depth + 1)?;
            return self.take("}").then_some(result);
        }
        let functions: [(&str, Combine); 3] =
            [("LEAST(", f64::min), ("GREATEST(", f64::max), ("SUM(", |one, other| one + other)];
        for (name, combine) in functions {
            if self.take(name) {
                return self.arguments(combine, depth + 1);
            }
        }
        if self.take("DBInstanceClassMemory") {
            return self.memory;
        }
        self.number()
    }

    fn arguments(&mut self, combine: Combine, depth: u32) -> Option<f64> {
        let mut result = self.product(depth)?;
        while self.take(",") {
            result = combine(result, self.product(depth)?);
        }
        self.take(")").then_some(result)
    }

    fn product(&mut self, depth: u32) -> Option<f64> {
        let mut result = self.value(depth)?;
        loop {
            if self.take("*") {
                result *= self.value(depth)?;
            } else if self.take("/") {
                result /= self.value(depth)?;
            } else {
                return Some(result);
            }
        }
    }

    fn number(&mut self) -> Option<f64> {
        let end = self
            .rest
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().ok()
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTGRES: &str = "LEAST({DBInstanceClassMemory/9531392},5000)";

    #[test]
    fn a_number_is_itself_and_a_formula_takes_the_memory() {
        for (value, memory, expected) in [
            ("200", None, Some(200.0)),
            (POSTGRES, Some(16.0), Some(1_802.0)),
            (POSTGRES, Some(512.0), Some(5_000.0)),
            ("{DBInstanceClassMemory/12582880}", Some(8.0), Some(682.0)),
            ("GREATEST( {DBInstanceClassMemory*2/25165760}, 90 )", Some(1.0), Some(90.0)),
            ("SUM({DBInstanceClassMemory/9531392},-1)", Some(1.0), None),
            (POSTGRES, None, None),
            ("GREATEST({log(DBInstanceClassMemory/805306368)*45},1000)", Some(1.0), None),
            ("", Some(1.0), None),
            ("10 20x", None, None),
            ("{DBInstanceClassMemory/0}", Some(1.0), None),
        ] {
            assert_eq!(evaluate(value, memory), expected, "{value}");
        }
        assert_eq!(evaluate(&"{".repeat(10_000), Some(1.0)), None);
    }

    #[test]
    fn the_memory_of_the_usual_classes_is_known() {
        for (class, expected) in [
            ("db.t3.micro", Some(1.0)),
            ("db.t4g.2xlarge", Some(32.0)),
            ("db.m5.xlarge", Some(16.0)),
            ("db.m7g.16xlarge", Some(256.0)),
            ("db.r6gd.12xlarge", Some(384.0)),
            ("db.x2g.large", Some(32.0)),
            ("db.x2iedn.xlarge", Some(128.0)),
            ("db.c6gd.large", Some(4.0)),
            ("db.r6id.24xlarge", Some(768.0)),
            ("db.r5.4xlarge.tpc2.mem2x", None),
            ("db.m3.medium", None),
            ("db.serverless", None),
            ("m5.xlarge", None),
        ] {
            assert_eq!(memory_gibibytes(class), expected, "{class}");
        }
    }
}
