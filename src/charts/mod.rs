//! Plain values to SVG: the trend of one scale, and the sparkline of a list's row. Knows no instrument, no patient, no database; whoever calls
//! has already decided what is shown. The site's content policy forbids inline styles, so a drawing carries presentation attributes and the
//! classes of the staff's style sheet; both read well in black and white.

mod canvas;
mod sparkline;
mod trend;

pub use sparkline::{Sparkline, sparkline};
pub use trend::{Band, Limit, Occasion, Trend, Worse, trend};
