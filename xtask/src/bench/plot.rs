//! Plots as SVG, for docs/benchmarks/.

use std::path::Path;

use anyhow::{Context, Result};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::stats::Spread;

/// Told apart by those who cannot tell red from green, too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
];
const FONT: &str = "sans-serif";
const WIDTH: u32 = 900;
/// Of the width, what lines have.
const PLANE: i32 = 690;

/// A figure with its range.
#[derive(Debug)]
pub struct Bar {
    /// Before it.
    pub label: String,
    /// Its length, and the line across its end.
    pub spread: Spread,
    /// Drawn in the colour that stands out.
    pub ours: bool,
}

/// Figures over something.
#[derive(Debug)]
pub struct Line {
    /// In the legend.
    pub label: String,
    /// x and y.
    pub points: Vec<(f64, f64)>,
}

/// What is on the axis of [`lines`].
#[derive(Debug)]
pub enum Axis {
    /// A number, under this description.
    Number(String),
    /// Whole numbers from 0 stand for these.
    Names(String, Vec<String>),
}

/// One bar below the other, from 0, each with its median written behind it, with decimals where all are small. Makes the folder. Fails when the file cannot be
/// written.
pub fn bars(path: &Path, title: &str, bars: &[Bar]) -> Result<()> {
    const ROW: i32 = 24;
    const TOP: i32 = 50;
    const LABELS: i32 = 470;
    const LONGEST: f64 = WIDTH as f64 - LABELS as f64 - 90.0;
    let root = area(path, TOP as u32 + ROW as u32 * bars.len() as u32 + 15)?;
    root.draw_text(title, &(FONT, 18).into_text_style(&root), (15, 15))?;
    let most = bars.iter().map(|bar| bar.spread.max).fold(f64::MIN_POSITIVE, f64::max);
    let decimals = if most < 10.0 { 2 } else { usize::from(most < 100.0) };
    let at = |figure: f64| LABELS + (LONGEST * figure / most).round() as i32;
    for (row, bar) in bars.iter().enumerate() {
        let (top, Spread { median, min, max }) = (TOP + ROW * row as i32, bar.spread);
        root.draw_text(&bar.label, &(FONT, 12).into_text_style(&root), (15, top + 3))?;
        let colour = if bar.ours { COLOURS[0] } else { COLOURS[5] };
        root.draw(&Rectangle::new([(LABELS, top + 2), (at(median), top + ROW - 4)], colour.filled()))?;
        let middle = top + ROW / 2 - 1;
        root.draw(&PathElement::new([(at(min), middle), (at(max), middle)], BLACK))?;
        for end in [min, max] {
            root.draw(&PathElement::new([(at(end), middle - 4), (at(end), middle + 4)], BLACK))?;
        }
        let style = (FONT, 12).into_text_style(&root);
        root.draw_text(&format!("{median:.decimals$}"), &style, (at(max.max(median)) + 6, top + 3))?;
    }
    written(&root, path)
}

/// Lines over an axis, from 0 upwards, with a legend. Makes the folder. Fails when there is no point, or when the file
/// cannot be written.
pub fn lines(path: &Path, title: &str, axis: &Axis, y: &str, lines: &[Line]) -> Result<()> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let last = points().map(|point| point.0).reduce(f64::max).context("nothing to plot")?;
    let most = points().map(|point| point.1).fold(f64::MIN_POSITIVE, f64::max);
    let root = area(path, 420)?;
    // The legend stands beside the lines: there is no corner that they never come to.
    let (plane, legend) = root.split_horizontally(PLANE);
    let mut chart = ChartBuilder::on(&plane)
        .caption(title, (FONT, 18))
        .margin(15)
        .margin_right(35)
        .x_label_area_size(40)
        .y_label_area_size(65)
        .build_cartesian_2d(0.0..last.max(1.0), 0.0..most * 1.1)?;
    let named = |x: &f64| match axis {
        Axis::Number(_) => format!("{x:.0}"),
        Axis::Names(_, names) if x.fract() == 0.0 => names.get(*x as usize).cloned().unwrap_or_default(),
        Axis::Names(..) => String::new(),
    };
    let (Axis::Number(description) | Axis::Names(description, _)) = axis;
    let labels = if let Axis::Names(_, names) = axis { names.len() } else { 10 };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(description)
        .x_labels(labels)
        .x_label_formatter(&named)
        .y_desc(y)
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()?;
    for (row, (line, colour)) in lines.iter().zip(COLOURS.into_iter().cycle()).enumerate() {
        let style = colour.stroke_width(2);
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        chart.draw_series(line.points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
        let middle = 60 + 24 * row as i32;
        legend.draw(&PathElement::new([(0, middle), (20, middle)], style))?;
        legend.draw_text(&line.label, &(FONT, 12).into_text_style(&legend), (28, middle - 7))?;
    }
    written(&root, path)
}

/// White, since most of what is drawn on it is black.
fn area(path: &Path, height: u32) -> Result<DrawingArea<SVGBackend<'_>, Shift>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    Ok(root)
}

fn written(root: &DrawingArea<SVGBackend<'_>, Shift>, path: &Path) -> Result<()> {
    root.present().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_names_and_the_axis_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/plot.svg");
        let axis = Axis::Names("runs".to_owned(), ["none", "many"].map(str::to_owned).to_vec());
        let line = Line { label: "claim".to_owned(), points: vec![(0.0, 10.0), (1.0, 12.0)] };
        lines(&path, "Title", &axis, "buffers", &[line]).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in ["Title", "none", "many", "runs", "buffers", "claim"] {
            assert!(svg.lines().any(|line| line == text), "{text}: {svg}");
        }
    }

    #[test]
    fn small_figures_have_decimals() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.svg");
        for (median, written) in [(1.234, "1.23"), (12.34, "12.3"), (123.4, "123")] {
            let spread = Spread { median, min: median, max: median };
            bars(&path, "Title", &[Bar { label: "a".to_owned(), spread, ours: true }]).unwrap();
            let svg = std::fs::read_to_string(&path).unwrap();
            assert!(svg.lines().any(|line| line == written), "{written}: {svg}");
        }
    }

    #[test]
    fn nothing_to_plot_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(lines(&folder.path().join("a.svg"), "", &Axis::Number(String::new()), "", &[]).is_err());
    }

    #[test]
    fn a_bar_twice_as_long_stands_for_twice_as_much() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.svg");
        let bar = |median| Bar {
            label: "a".to_owned(),
            spread: Spread { median, min: median, max: median },
            ours: true,
        };
        bars(&path, "Title", &[bar(100.0), bar(50.0)]).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        let widths = svg.lines().filter(|line| line.starts_with("<rect") && line.contains("#0072B2"));
        let widths: Vec<u32> = widths
            .map(|line| line.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(widths, [340, 170]);
    }
}
