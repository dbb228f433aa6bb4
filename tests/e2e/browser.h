// Headless Chromium, steered through its DevTools protocol over a pipe: no port, no network.
//
// Main type: Browser. Tests that need it skip where Chromium is not installed.
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <nlohmann/json.hpp>

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::e2e {

/// One browser with one page. Used by one thread; ends its process with itself.
class Browser {
  public:
    /// Start Chromium with its profile in `folder`. Errors: not found when it is not installed.
    static Result<std::unique_ptr<Browser>> start(const std::filesystem::path& folder);
    ~Browser();
    Browser(const Browser&) = delete;
    Browser& operator=(const Browser&) = delete;

    /// Show a file of this machine and wait until it is loaded. What went wrong before is
    /// forgotten.
    Status show(const std::filesystem::path& page);

    /// Prefer a dark or a light page, and wait until the page has drawn itself so.
    Status set_dark(bool is_dark);

    /// Make the page so many pixels wide, and wait until it is laid out so.
    Status set_width(int width_px);

    /// Return the value of a JavaScript expression; of a promise what it becomes.
    Result<nlohmann::json> evaluate(const std::string& expression);

    /// Press and release a key, e.g. "ArrowRight" or "+", on what has the focus.
    Status press(const std::string& key);

    /// Return what went wrong since the page was shown: exceptions, console errors, refused
    /// scripts, dialogs, and requests for anything but the page itself.
    const std::vector<std::string>& faults() const { return faults_; }

  private:
    Browser(pid_t process, ScopedFd commands, ScopedFd answers);

    Result<nlohmann::json> call(const std::string& method, const nlohmann::json& parameters);
    Status wait_for(const std::string& event);
    Status wait_for_frames();
    Result<nlohmann::json> next_message();
    void note_faults(const nlohmann::json& message);

    pid_t process_;
    ScopedFd commands_;
    ScopedFd answers_;
    std::string received_;
    std::string session_;
    std::string shown_url_;
    int last_id_ = 0;
    std::vector<std::string> faults_;
    std::vector<std::string> events_;  ///< names of those that nobody waited for yet
};

}  // namespace finewatt::e2e
