#include "browser.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <signal.h>
#include <spawn.h>

namespace finewatt::e2e {
namespace {

using nlohmann::json;

constexpr int kTimeLimitMs = 60'000;

struct PipeEnds {
    ScopedFd read;
    ScopedFd write;
};

/// A pipe whose numbers do not meet those that the child is to see.
Result<PipeEnds> make_pipe() {
    constexpr int kLeastNumber = 10;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return error_from_errno(errno, "make a pipe");
    }
    const ScopedFd low_read(ends[0]);
    const ScopedFd low_write(ends[1]);
    return PipeEnds{ScopedFd(::fcntl(ends[0], F_DUPFD_CLOEXEC, kLeastNumber)),
                    ScopedFd(::fcntl(ends[1], F_DUPFD_CLOEXEC, kLeastNumber))};
}

Result<pid_t> spawn(std::vector<std::string> arguments, int commands, int answers) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, commands, 3);
    ::posix_spawn_file_actions_adddup2(&actions, answers, 4);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t process = -1;
    const int failed = ::posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        return error_from_errno(failed, "start " + arguments[0]);
    }
    return process;
}

}  // namespace

Browser::Browser(pid_t process, ScopedFd commands, ScopedFd answers)
    : process_(process),
      commands_(std::move(commands)),
      answers_(std::move(answers)) {}

Result<std::unique_ptr<Browser>> Browser::start(const std::filesystem::path& folder) {
    FINEWATT_ASSIGN(PipeEnds commands, make_pipe());
    FINEWATT_ASSIGN(PipeEnds answers, make_pipe());
    // Without --no-sandbox Chromium does not start as root, as in containers.
    FINEWATT_ASSIGN(
        const pid_t process,
        spawn({"chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
               "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
               "--remote-debugging-pipe", "--user-data-dir=" + folder.string(), "about:blank"},
              commands.read.get(), answers.write.get()));
    std::unique_ptr<Browser> browser(
        new Browser(process, std::move(commands.write), std::move(answers.read)));
    answers.write.reset();
    FINEWATT_ASSIGN(const json target,
                    browser->call("Target.createTarget", {{"url", "about:blank"}}));
    FINEWATT_ASSIGN(const json attached,
                    browser->call("Target.attachToTarget",
                                  {{"targetId", target.at("targetId")}, {"flatten", true}}));
    browser->session_ = attached.at("sessionId").get<std::string>();
    for (const char* domain : {"Page", "Runtime", "Log", "Network"}) {
        FINEWATT_TRY(browser->call(std::string(domain) + ".enable", json::object()));
    }
    return browser;
}

Browser::~Browser() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
}

Result<json> Browser::next_message() {
    for (std::size_t end = received_.find('\0'); true; end = received_.find('\0')) {
        if (end != std::string::npos) {
            json message = json::parse(received_.substr(0, end), nullptr, false);
            received_.erase(0, end + 1);
            if (message.is_discarded()) {
                return FINEWATT_ERROR(kCorrupt, "Chromium: expected JSON, found something else");
            }
            return message;
        }
        pollfd waiting{answers_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, kTimeLimitMs) <= 0) {
            return FINEWATT_ERROR(kCancelled, "Chromium gave no answer within {} s",
                                  kTimeLimitMs / 1000);
        }
        std::array<char, 65'536> buffer{};
        const ssize_t count = ::read(answers_.get(), buffer.data(), buffer.size());
        if (count <= 0) {
            return FINEWATT_ERROR(kIo, "Chromium ended");
        }
        received_.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

void Browser::note_faults(const json& message) {
    const std::string event = message.value("method", "");
    const json parameters = message.value("params", json::object());
    if (event == "Runtime.exceptionThrown" || event == "Page.javascriptDialogOpening") {
        faults_.push_back(event + ": " + parameters.dump());
    } else if (event == "Runtime.consoleAPICalled" && parameters.value("type", "") == "error") {
        faults_.push_back("console: " + parameters["args"].dump());
    } else if (event == "Log.entryAdded" && parameters["entry"].value("level", "") == "error") {
        faults_.push_back("log: " + parameters["entry"].value("text", ""));
    } else if (event == "Network.requestWillBeSent" &&
               parameters["request"].value("url", "") != shown_url_) {
        faults_.push_back("request: " + parameters["request"].value("url", ""));
    }
    if (!event.empty()) {
        events_.push_back(event);
    }
}

Result<json> Browser::call(const std::string& method, const json& parameters) {
    json command{{"id", ++last_id_}, {"method", method}, {"params", parameters}};
    if (!session_.empty()) {
        command["sessionId"] = session_;
    }
    std::string text = command.dump();
    text.push_back('\0');
    FINEWATT_TRY(write_all(commands_.get(), text));
    while (true) {
        FINEWATT_ASSIGN(const json message, next_message());
        if (message.value("id", 0) != last_id_) {
            note_faults(message);
            continue;
        }
        if (message.contains("error")) {
            return FINEWATT_ERROR(kInternal, "Chromium, {}: {}", method, message["error"].dump());
        }
        return message.value("result", json::object());
    }
}

Status Browser::wait_for(const std::string& event) {
    while (std::find(events_.begin(), events_.end(), event) == events_.end()) {
        FINEWATT_ASSIGN(const json message, next_message());
        note_faults(message);
    }
    return {};
}

Status Browser::show(const std::filesystem::path& page) {
    shown_url_ = "file://" + page.string();
    faults_.clear();
    events_.clear();
    FINEWATT_TRY(call("Page.navigate", {{"url", shown_url_}}));
    return wait_for("Page.loadEventFired");
}

Status Browser::set_dark(bool is_dark) {
    const json feature{{"name", "prefers-color-scheme"}, {"value", is_dark ? "dark" : "light"}};
    FINEWATT_TRY(call("Emulation.setEmulatedMedia", {{"features", json::array({feature})}}));
    return wait_for_frames();
}

Status Browser::set_width(int width_px) {
    FINEWATT_TRY(
        call("Emulation.setDeviceMetricsOverride",
             {{"width", width_px}, {"height", 900}, {"deviceScaleFactor", 1}, {"mobile", false}}));
    return wait_for_frames();
}

// A frame begins with the events of what changed (media queries, scrolling), then come the
// callbacks of requestAnimationFrame, then the observers of sizes (HTML standard, "update the
// rendering"). So the second callback comes after the page has answered every change made before
// the first.
Status Browser::wait_for_frames() {
    FINEWATT_TRY(
        evaluate("new Promise((done) => requestAnimationFrame("
                 "() => requestAnimationFrame(() => done(true))))"));
    return {};
}

Result<json> Browser::evaluate(const std::string& expression) {
    FINEWATT_ASSIGN(const json result, call("Runtime.evaluate", {{"expression", expression},
                                                                 {"returnByValue", true},
                                                                 {"awaitPromise", true}}));
    if (result.contains("exceptionDetails")) {
        return FINEWATT_ERROR(kInvalidArgument, "{}: {}", expression,
                              result["exceptionDetails"].dump());
    }
    return result.at("result").value("value", json());
}

Status Browser::press(const std::string& key) {
    json parameters{{"type", key.size() == 1 ? "keyDown" : "rawKeyDown"}, {"key", key}};
    if (key.size() == 1) {
        parameters["text"] = key;
    }
    FINEWATT_TRY(call("Input.dispatchKeyEvent", parameters));
    FINEWATT_TRY(call("Input.dispatchKeyEvent", {{"type", "keyUp"}, {"key", key}}));
    return {};
}

}  // namespace finewatt::e2e
