//! A headless Chromium, driven as `WebDriver` says.

use std::error::Error;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long the driver may take to come up.
const STARTING: Duration = Duration::from_mins(1);

/// What tests fail with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A browser that shows one page. To be [closed](Self::close).
pub struct Browser {
    /// What drives it.
    pub driver: WebDriver,
    process: Child,
    folder: TempDir,
}

impl Browser {
    /// Opens a page of these bytes, in a window of this size.
    pub async fn open(page: &str, (width, height): (u32, u32)) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("report.html");
        std::fs::write(&file, page)?;
        let (process, port) = start_driver(folder.path()).await?;
        let mut wanted = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            // There is no sandbox for root, and the page is our own.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            &format!("--window-size={width},{height}"),
            &format!("--user-data-dir={}", folder.path().join("profile").display()),
        ] {
            wanted.add_arg(argument)?;
        }
        wanted.set_browser_log_level(thirtyfour::common::log::LoggingPrefsLogLevel::All)?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await?;
        let browser = Self { driver, process, folder };
        browser.driver.goto(format!("file://{}", file.display())).await?;
        Ok(browser)
    }

    /// What a script says that runs in the page's place: the page itself has none.
    pub async fn ask<T: serde::de::DeserializeOwned>(&self, script: &str) -> Result<T, Failure> {
        Ok(self.driver.execute(script, Vec::new()).await?.convert()?)
    }

    /// Closes it; nothing of it is left.
    pub async fn close(mut self) -> Result<(), Failure> {
        self.driver.quit().await?;
        self.process.kill().await?;
        self.folder.close()?;
        Ok(())
    }
}

/// Starts the driver, which says on which port it listens.
async fn start_driver(home: &Path) -> Result<(Child, u16), Failure> {
    let mut process = Command::new("chromedriver")
        .arg("--port=0")
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("chromedriver does not start ({error}): `make page` installs it"))?;
    let output = process.stdout.take().ok_or("chromedriver says nothing")?;
    let mut lines = BufReader::new(output).lines();
    let port = tokio::time::timeout(STARTING, async {
        while let Some(line) = lines.next_line().await? {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                return Ok(port.trim_end_matches('.').parse()?);
            }
        }
        Err(Failure::from("chromedriver ended before it listened"))
    });
    let port = port.await??;
    // What else it says is not needed, and must not fill the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((process, port))
}
