#include "finewatt/sensor/wall_meter.h"

#include "finewatt/base/ascii.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace finewatt {
namespace {

constexpr std::string_view kForms =
    "  shelly1://HOST[/METER]                first generation of Shelly plugs\n"
    "  shelly://HOST[?id=0][&component=pm1]  later Shelly devices\n"
    "  tasmota://HOST\n"
    "  kasa://HOST[:9999][?child=ID]         TP-Link HS110, KP115, HS300\n"
    "  json+http://HOST/PATH?power=/POINTER&energy=/POINTER&energy_unit=Wh\n"
    "  csv:FILE[?time=COLUMN&power_w=COLUMN] a file that is being written\n"
    "  redfish+https://HOST[/CHASSIS]        management controller of a server\n"
    "  ipmi:                                 the local one, /dev/ipmi0\n"
    "Options of all: name, covers=outlet|node|other, read=power|energy, max_power_w,\n"
    "accuracy_percent, window_ms, update_ms, energy_update_ms, timeout_ms, insecure=1 (https).\n"
    "Credentials: FINEWATT_WALL_USER and FINEWATT_WALL_PASSWORD, or FINEWATT_WALL_CREDENTIALS.";

/// A way to write a meter, and the options that only it has.
struct Scheme {
    std::string_view name;
    WallMeterKind kind{};
    bool is_tls = false;
    bool has_host = true;
    WallScope scope = WallScope::kOutlet;
    std::string_view own_options;  ///< separated by spaces, with one before and after each
};

constexpr std::string_view kJsonOptions =
    " power energy power_unit energy_unit power_step_w energy_step_j query auth ";

constexpr std::array<Scheme, 10> kSchemes{{
    {"shelly1", WallMeterKind::kShelly1, false, true, WallScope::kOutlet, " "},
    {"shelly", WallMeterKind::kShelly, false, true, WallScope::kOutlet, " id component "},
    {"tasmota", WallMeterKind::kTasmota, false, true, WallScope::kOutlet, " "},
    {"kasa", WallMeterKind::kKasa, false, true, WallScope::kOutlet, " child "},
    {"json+http", WallMeterKind::kJson, false, true, WallScope::kOutlet, kJsonOptions},
    {"json+https", WallMeterKind::kJson, true, true, WallScope::kOutlet, kJsonOptions},
    {"csv", WallMeterKind::kCsv, false, false, WallScope::kOutlet,
     " time power_w energy_j energy_wh energy_kwh "},
    {"redfish+http", WallMeterKind::kRedfish, false, true, WallScope::kNode, " "},
    {"redfish+https", WallMeterKind::kRedfish, true, true, WallScope::kNode, " "},
    {"ipmi", WallMeterKind::kIpmi, false, false, WallScope::kNode, " "},
}};

std::string decode_percent(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned byte = 0;
        const char* const digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            decoded += static_cast<char>(byte);
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

std::optional<double> parse_positive(const std::string& text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    const bool is_good = parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(value);
    return is_good && value > 0 ? std::optional(value) : std::nullopt;
}

bool is_name(const std::string& text) {
    constexpr std::size_t kLongest = 64;
    return !text.empty() && text.size() <= kLongest &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
           });
}

/// Reads one argument, part by part. Every message names the argument and ends with what to write.
class Parser {
  public:
    explicit Parser(std::string_view text) { spec_.text = std::string(text); }

    Result<WallMeterSpec> parse() {
        FINEWATT_TRY(refuse_credentials());
        std::string_view rest = spec_.text;
        FINEWATT_TRY(take_scheme(rest));
        const std::size_t question = std::min(rest.find('?'), rest.size());
        const std::string_view query = rest.substr(std::min(question + 1, rest.size()));
        FINEWATT_TRY(take_place(rest.substr(0, question)));
        FINEWATT_TRY(take_query(query));
        FINEWATT_TRY(check_kind());
        if (spec_.name.empty()) {
            spec_.name = default_name();
        }
        return std::move(spec_);
    }

  private:
    template <class... Args>
    Error wrong(fmt::format_string<Args...> format, Args&&... args) const {
        return FINEWATT_ERROR(kInvalidArgument, "wall meter '{}': {}", spec_.text,
                              fmt::format(format, std::forward<Args>(args)...));
    }

    /// The text may hold a password here, so no message repeats it.
    Status refuse_credentials() const {
        const std::string_view text = spec_.text;
        const std::size_t host = text.find("://");
        if (host != std::string_view::npos) {
            const std::size_t end = std::min(text.find_first_of("/?", host + 3), text.size());
            if (text.substr(host, end - host).find('@') != std::string_view::npos) {
                return secret_error("user or password before '@'");
            }
        }
        const std::string lower =
            ascii_lower(decode_percent(text.substr(std::min(text.find('?'), text.size()))));
        for (const std::string_view word : {"passw", "token", "secret", "apikey", "api_key"}) {
            if (lower.find(word) != std::string::npos) {
                return secret_error("'" + std::string(word) + "'");
            }
        }
        return {};
    }

    static Error secret_error(const std::string& what) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "wall meter: found {} on the command line, where every user of the machine can see it; "
            "set FINEWATT_WALL_USER and FINEWATT_WALL_PASSWORD instead, or name a file in "
            "FINEWATT_WALL_CREDENTIALS",
            what);
    }

    Status take_scheme(std::string_view& rest) {
        const std::size_t colon = std::min(rest.find(':'), rest.size());
        const std::string_view name = rest.substr(0, colon);
        const auto* const found =
            std::find_if(kSchemes.begin(), kSchemes.end(),
                         [&](const Scheme& scheme) { return scheme.name == name; });
        if (found == kSchemes.end() || colon == rest.size()) {
            return wrong("expected one of these forms:\n{}", kForms);
        }
        scheme_ = &*found;
        spec_.kind = found->kind;
        spec_.is_tls = found->is_tls;
        spec_.scope = found->scope;
        rest.remove_prefix(colon + 1);
        if (found->has_host) {
            if (!rest.starts_with("//")) {
                return wrong("expected {}://HOST", found->name);
            }
            rest.remove_prefix(2);
        }
        return {};
    }

    Status take_place(std::string_view place) {
        if (!scheme_->has_host) {
            spec_.path = std::string(place);
            return {};
        }
        const std::size_t slash = std::min(place.find('/'), place.size());
        std::string_view host = place.substr(0, slash);
        spec_.path = std::string(place.substr(slash));
        std::size_t colon = host.rfind(':');
        if (host.starts_with('[')) {
            const std::size_t bracket = std::min(host.find(']'), host.size());
            colon = host.find(':', bracket);
            spec_.host = std::string(host.substr(1, bracket - 1));
        } else {
            spec_.host = std::string(host.substr(0, std::min(colon, host.size())));
        }
        if (colon != std::string_view::npos) {
            const std::string_view digits = host.substr(colon + 1);
            const char* const end = digits.data() + digits.size();
            const auto parsed = std::from_chars(digits.data(), end, spec_.port);
            if (parsed.ec != std::errc() || parsed.ptr != end || spec_.port < 1 ||
                spec_.port > 65535) {
                return wrong("expected a port from 1 to 65535, found '{}'", digits);
            }
        }
        const bool is_host = std::all_of(spec_.host.begin(), spec_.host.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '.' || c == ':' || c == '_';
        });
        if (spec_.host.empty() || !is_host) {
            return wrong("expected a host name or address, found '{}'", spec_.host);
        }
        return {};
    }

    Status take_query(std::string_view query) {
        while (!query.empty()) {
            const std::size_t end = std::min(query.find('&'), query.size());
            const std::string_view pair = query.substr(0, end);
            query.remove_prefix(std::min(end + 1, query.size()));
            const std::size_t equals = std::min(pair.find('='), pair.size());
            const std::string key(pair.substr(0, equals));
            const std::string value =
                decode_percent(pair.substr(std::min(equals + 1, pair.size())));
            FINEWATT_TRY(take_option(key, value));
        }
        return {};
    }

    Status take_option(const std::string& key, const std::string& value) {
        const std::array<std::pair<std::string_view, std::optional<double>*>, 5> numbers{{
            {"max_power_w", &spec_.max_power_w},
            {"accuracy_percent", &spec_.accuracy_percent},
            {"window_ms", &spec_.window_ms},
            {"update_ms", &spec_.update_ms},
            {"energy_update_ms", &spec_.energy_update_ms},
        }};
        for (const auto& [name, place] : numbers) {
            if (name == key) {
                *place = parse_positive(value);
                return *place ? Status()
                              : wrong("{}: expected a number above 0, found '{}'", key, value);
            }
        }
        if (key == "timeout_ms") {
            const std::optional<double> ms = parse_positive(value);
            constexpr double kLongestMs = 60'000;
            if (!ms || *ms < 1 || *ms > kLongestMs) {
                return wrong("timeout_ms: expected 1 to 60000, found '{}'", value);
            }
            spec_.timeout = std::chrono::milliseconds(std::llround(*ms));
            return {};
        }
        return take_word(key, value);
    }

    Status take_word(const std::string& key, const std::string& value) {
        if (key == "name") {
            spec_.name = "wall:" + value;
            return is_name(value) ? Status()
                                  : wrong(
                                        "name: expected letters, digits, '-', '_' and '.', found "
                                        "'{}'",
                                        value);
        }
        if (key == "covers") {
            spec_.scope = value == "outlet" ? WallScope::kOutlet
                          : value == "node" ? WallScope::kNode
                                            : WallScope::kOther;
            const bool is_known = value == "outlet" || value == "node" || value == "other";
            return is_known ? Status()
                            : wrong("covers: expected outlet, node or other, found '{}'", value);
        }
        if (key == "read") {
            spec_.channels = value == "power"    ? WallChannels::kPower
                             : value == "energy" ? WallChannels::kEnergy
                                                 : WallChannels::kBoth;
            return spec_.channels != WallChannels::kBoth
                       ? Status()
                       : wrong("read: expected power or energy, found '{}'", value);
        }
        if (key == "insecure") {
            spec_.is_insecure = value == "1";
            return spec_.is_insecure && spec_.is_tls
                       ? Status()
                       : wrong("insecure: expected insecure=1 with an https form");
        }
        if (scheme_->own_options.find(" " + key + " ") == std::string_view::npos || key.empty()) {
            return wrong("the option '{}' is not known for {}", key, scheme_->name);
        }
        if (value.empty() || !spec_.options.emplace(key, value).second) {
            return wrong("{}: expected one value", key);
        }
        return {};
    }

    bool has(const std::string& option) const { return spec_.options.count(option) > 0; }

    Status check_kind() const {
        const bool is_number =
            std::all_of(spec_.path.begin() + (spec_.path.empty() ? 0 : 1), spec_.path.end(),
                        [](unsigned char c) { return std::isdigit(c) != 0; });
        switch (spec_.kind) {
            case WallMeterKind::kShelly1:
                return is_number
                           ? Status()
                           : wrong("expected the number of the meter, found '{}'", spec_.path);
            case WallMeterKind::kShelly:
            case WallMeterKind::kTasmota:
            case WallMeterKind::kKasa:
                return spec_.path.empty() || spec_.path == "/"
                           ? Status()
                           : wrong("expected nothing after the host, found '{}'", spec_.path);
            case WallMeterKind::kJson:
                return has("power") || has("energy")
                           ? Status()
                           : wrong("expected power=/POINTER or energy=/POINTER (RFC 6901)");
            case WallMeterKind::kCsv:
                return spec_.path.empty() ? wrong("expected csv:FILE") : Status();
            case WallMeterKind::kIpmi:
                return spec_.path.empty() ? Status() : wrong("expected ipmi: alone");
            case WallMeterKind::kRedfish:
                break;
        }
        return {};
    }

    std::string default_name() const {
        const std::size_t plus = std::min(scheme_->name.find('+'), scheme_->name.size());
        std::string name = fmt::format("wall:{}", scheme_->name.substr(0, plus));
        if (scheme_->has_host) {
            name += ":" + spec_.host;
        }
        if (spec_.port != 0) {
            name += fmt::format(":{}", spec_.port);
        }
        if (!scheme_->has_host && !spec_.path.empty()) {
            name += ":";
        }
        name += spec_.path == "/" ? "" : spec_.path;
        for (const std::string part : {"component", "id", "child"}) {
            const auto found = spec_.options.find(part);
            if (found != spec_.options.end()) {
                name += "/" + found->second;
            }
        }
        return name;
    }

    WallMeterSpec spec_;
    const Scheme* scheme_ = nullptr;
};

bool is_same_meter(const WallMeterSpec& a, const WallMeterSpec& b) {
    return a.kind == b.kind && a.host == b.host && a.port == b.port && a.path == b.path &&
           a.options == b.options;
}

}  // namespace

Result<WallMeterSpec> parse_wall_meter(std::string_view text) {
    return Parser(text).parse();
}

Result<std::vector<WallMeterSpec>> parse_wall_meters(std::span<const std::string> texts) {
    std::vector<WallMeterSpec> specs;
    for (const std::string& text : texts) {
        FINEWATT_ASSIGN(WallMeterSpec spec, parse_wall_meter(text));
        for (const WallMeterSpec& other : specs) {
            if (is_same_meter(spec, other)) {
                return FINEWATT_ERROR(kInvalidArgument,
                                      "wall meter '{}': named twice, and would be counted twice",
                                      text);
            }
            if (spec.name == other.name) {
                return FINEWATT_ERROR(kInvalidArgument,
                                      "wall meters '{}' and '{}' would have the same name {}; give "
                                      "one of them another with name=",
                                      other.text, text, spec.name);
            }
        }
        specs.push_back(std::move(spec));
    }
    return specs;
}

std::string_view wall_meter_forms() {
    return kForms;
}

}  // namespace finewatt
