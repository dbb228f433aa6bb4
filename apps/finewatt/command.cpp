#include "finewatt/command.h"

#include "finewatt/base/safe_text.h"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace finewatt::app {

void print_text(std::FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
}

void print_line(std::FILE* stream, std::string_view text) {
    print_text(stream, text);
    print_text(stream, "\n");
}

void fail(CommandContext& context, int exit_status, const Error& error) {
    // A message quotes file names and lines that come from anywhere.
    print_line(stderr, "finewatt: " + safe_lines(error.describe()));
    if (context.common.verbose) {
        print_line(stderr, fmt::format("finewatt: ({}, {})", error_code_name(error.code()),
                                       error.location()));
    }
    context.exit_status = exit_status;
}

bool may_colour(int fd) {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    const bool is_dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
    const bool is_refused = no_colour != nullptr && *no_colour != '\0';
    return ::isatty(fd) == 1 && !is_dumb && !is_refused;
}

int terminal_columns() {
    constexpr int kWithoutTerminal = 100;
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return kWithoutTerminal;
}

}  // namespace finewatt::app
