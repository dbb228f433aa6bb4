// The management controller of a server over Redfish. Source: DMTF DSP0266 (protocol) and DSP0268
// (schemas EnvironmentMetrics, Power, PowerSubsystem, PowerSupplyMetrics).
//
// The pages with power are looked up once, from the service root; a reading is one GET for each.

#include "finewatt/sensor/json_meter_internal.h"
#include "finewatt/sensor/wall_credentials_internal.h"
#include "finewatt/sensor/wall_json_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace finewatt {
namespace {

// Controllers renew power every 1 to 60 s and do not say how often (docs/measuring.md).
constexpr double kUpdateMs = 60'000;
constexpr std::chrono::milliseconds kPollPeriod{2000};
constexpr double kEnergyTickJ = 3.6;
/// A controller has few chassis and power supplies; more are not looked at.
constexpr std::size_t kMostMembers = 32;

/// A page that is read for each reading, and where its figures are.
struct Page {
    std::string path;
    std::string power;
    std::string energy;
};

/// GET with a session where the controller has sessions, else with basic credentials.
class Session {
  public:
    Session(const WallMeterSpec& spec, std::unique_ptr<HttpClient> client,
            std::optional<HttpCredentials> credentials)
        : spec_(spec),
          client_(std::move(client)),
          credentials_(std::move(credentials)) {}

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    ~Session() {
        if (!location_.empty()) {
            HttpRequest request = meter_request(spec_, location_);
            request.method = "DELETE";
            request.headers = {{"X-Auth-Token", token_}};
            // A session that stays open ends by itself after some minutes.
            static_cast<void>(client_->send(request));
        }
    }

    /// Let all requests until the next call take no longer than the meter's time-out together.
    void begin_reading() { deadline_ = std::chrono::steady_clock::now() + spec_.timeout; }

    Result<nlohmann::json> get(const std::string& path) {
        if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) {
            return FINEWATT_ERROR(kBusy, "{}: no complete answer within {} ms", spec_.name,
                                  spec_.timeout.count());
        }
        HttpRequest request = request_for(path);
        FINEWATT_ASSIGN(HttpResponse response, client_->send(request));
        if (response.status == 401 && credentials_ && !use_basic_) {
            FINEWATT_TRY(log_in());
            request = request_for(path);
            FINEWATT_ASSIGN(response, client_->send(request));
        }
        if (response.status == 401 && !credentials_) {
            return FINEWATT_ERROR(kPermission,
                                  "{}: it asks for a user name and password; set "
                                  "FINEWATT_WALL_USER and FINEWATT_WALL_PASSWORD",
                                  spec_.name);
        }
        FINEWATT_TRY(require_success(request, response));
        return parse_answer(response.body, spec_.name);
    }

  private:
    HttpRequest request_for(const std::string& path) const {
        HttpRequest request = timed_request(path);
        request.headers = {{"Accept", "application/json"}, {"OData-Version", "4.0"}};
        if (!token_.empty()) {
            request.headers.emplace_back("X-Auth-Token", token_);
        } else if (use_basic_) {
            request.credentials = credentials_;
            request.auth = HttpAuth::kBasic;
        }
        return request;
    }

    HttpRequest timed_request(const std::string& path) const {
        HttpRequest request = meter_request(spec_, path);
        if (deadline_) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                *deadline_ - std::chrono::steady_clock::now());
            request.timeout = std::max(left, std::chrono::milliseconds(1));
        }
        return request;
    }

    /// Open a session; where the controller has none, take basic credentials from now on.
    Status log_in() {
        token_.clear();
        location_.clear();
        HttpRequest request = timed_request("/redfish/v1/SessionService/Sessions");
        request.method = "POST";
        request.headers = {{"Content-Type", "application/json"}};
        request.body =
            nlohmann::json{{"UserName", credentials_->user}, {"Password", credentials_->password}}
                .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
        FINEWATT_ASSIGN(const HttpResponse response, client_->send(request));
        if (response.status == 401 || response.status == 403 || response.status == 400) {
            return FINEWATT_ERROR(kPermission,
                                  "{}: user name or password are refused (HTTP status {})",
                                  spec_.name, response.status);
        }
        token_ = response.header("x-auth-token").value_or("");
        use_basic_ = !response.is_success() || token_.empty();
        if (!use_basic_) {
            keep_location(response.header("location").value_or(""));
        }
        return {};
    }

    /// Keep the path of the session's own page, so that it can be closed.
    void keep_location(const std::string& location) {
        const std::size_t scheme = location.find("://");
        const std::size_t path = scheme == std::string::npos ? 0 : location.find('/', scheme + 3);
        if (path != std::string::npos && path < location.size() && location[path] == '/') {
            location_ = location.substr(path);
        }
    }

    WallMeterSpec spec_;
    std::unique_ptr<HttpClient> client_;
    std::optional<HttpCredentials> credentials_;
    std::optional<std::chrono::steady_clock::time_point> deadline_;
    std::string token_;
    std::string location_;
    bool use_basic_ = false;
};

/// Return the path behind a link such as {"Power": {"@odata.id": "/redfish/v1/…"}}; "" when there
/// is none. Links to other hosts are none.
std::string link_of(const nlohmann::json& document, const std::string& pointer) {
    const nlohmann::json* id = find_value(document, pointer + "/@odata.id");
    const std::string path = id != nullptr && id->is_string() ? id->get<std::string>() : "";
    return path.starts_with("/") ? path : "";
}

std::vector<std::string> members_of(const nlohmann::json& collection) {
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < kMostMembers; ++i) {
        const std::string path = link_of(collection, fmt::format("/Members/{}", i));
        if (path.empty()) {
            break;
        }
        paths.push_back(path);
    }
    return paths;
}

/// Looks for the pages of one controller that tell power.
class PageFinder {
  public:
    PageFinder(const WallMeterSpec& spec, Session& session) : spec_(spec), session_(session) {}

    /// The pages of the chassis that the spec names, or of the first chassis with power.
    Result<std::vector<Page>> find() {
        FINEWATT_ASSIGN(const nlohmann::json root, session_.get("/redfish/v1/"));
        const std::string chassis_link = link_of(root, "/Chassis");
        if (chassis_link.empty()) {
            return FINEWATT_ERROR(kUnsupported, "{}: the Redfish service names no Chassis",
                                  spec_.name);
        }
        FINEWATT_ASSIGN(const nlohmann::json collection, session_.get(chassis_link));
        const std::string wanted = spec_.path.size() > 1 ? spec_.path : "";
        std::string seen;
        for (const std::string& path : members_of(collection)) {
            seen += (seen.empty() ? "" : ", ") + path.substr(path.rfind('/') + 1);
            if (!wanted.empty() && !path.ends_with(wanted)) {
                continue;
            }
            FINEWATT_ASSIGN(std::vector<Page> pages, pages_of_chassis(path));
            if (!pages.empty()) {
                return pages;
            }
        }
        return FINEWATT_ERROR(kNotFound,
                              "{}: no chassis{} tells its power in EnvironmentMetrics, Power or "
                              "PowerSubsystem; there are: {}",
                              spec_.name, wanted.empty() ? "" : " " + wanted.substr(1), seen);
    }

  private:
    Result<std::vector<Page>> pages_of_chassis(const std::string& path) {
        FINEWATT_ASSIGN(const nlohmann::json chassis, session_.get(path));
        const std::vector<Page> choices{
            {link_of(chassis, "/EnvironmentMetrics"), "/PowerWatts/Reading", "/EnergykWh/Reading"},
            {link_of(chassis, "/Power"), "/PowerControl/0/PowerConsumedWatts", ""},
        };
        for (const Page& page : choices) {
            FINEWATT_ASSIGN(const bool has_power, tells_power(page));
            if (has_power) {
                return std::vector<Page>{page};
            }
        }
        return pages_of_supplies(link_of(chassis, "/PowerSubsystem"));
    }

    /// A controller may name a page that it does not have; that is no reason to give up.
    Result<bool> tells_power(const Page& page) {
        if (page.path.empty()) {
            return false;
        }
        const Result<nlohmann::json> document = session_.get(page.path);
        if (!document && document.error().code() == ErrorCode::kNotFound) {
            return false;
        }
        FINEWATT_TRY(document);
        FINEWATT_ASSIGN(const std::optional<double> power,
                        find_number(*document, page.power, spec_.name));
        return power.has_value();
    }

    /// The input power of every power supply: together they are what the machine draws.
    Result<std::vector<Page>> pages_of_supplies(const std::string& subsystem) {
        std::vector<Page> pages;
        if (subsystem.empty()) {
            return pages;
        }
        FINEWATT_ASSIGN(const nlohmann::json power, session_.get(subsystem));
        const std::string supplies = link_of(power, "/PowerSupplies");
        if (supplies.empty()) {
            return pages;
        }
        FINEWATT_ASSIGN(const nlohmann::json collection, session_.get(supplies));
        for (const std::string& path : members_of(collection)) {
            FINEWATT_ASSIGN(const nlohmann::json supply, session_.get(path));
            const Page page{link_of(supply, "/Metrics"), "/InputPowerWatts/Reading",
                            "/EnergykWh/Reading"};
            FINEWATT_ASSIGN(const bool has_power, tells_power(page));
            if (!has_power) {
                // Without one of them the sum would be too small.
                return std::vector<Page>();
            }
            pages.push_back(page);
        }
        return pages;
    }

    const WallMeterSpec& spec_;
    Session& session_;
};

class RedfishReader : public WallReader {
  public:
    RedfishReader(const WallMeterSpec& spec, std::unique_ptr<Session> session,
                  std::vector<Page> pages)
        : name_(spec.name),
          session_(std::move(session)),
          pages_(std::move(pages)) {}

    WallFacts facts() const override {
        WallFacts facts;
        facts.source = "redfish";
        facts.power_step_w = 1;
        facts.energy_tick_j = kEnergyTickJ;
        facts.energy_step_j = has_whole_kwh_ ? 1000 * kJoulesPerWh : kJoulesPerWh;
        facts.update_ms = kUpdateMs;
        facts.energy_update_ms = kUpdateMs;
        facts.max_power_w = kNodeCeilingW;
        facts.poll_period = kPollPeriod;
        facts.remark =
            "a management controller renews its power every 1 to 60 s and does not say "
            "how often; up to 60 s are assumed";
        return facts;
    }

    /// The sum over all pages; a figure that one page lacks is unknown.
    Result<WallSample> read() override {
        WallSample sum;
        sum.power_w = 0;
        sum.energy_j = 0;
        session_->begin_reading();
        for (const Page& page : pages_) {
            FINEWATT_ASSIGN(const nlohmann::json document, session_->get(page.path));
            FINEWATT_ASSIGN(const auto power, find_number(document, page.power, name_));
            std::optional<double> energy_kwh;
            if (!page.energy.empty()) {
                FINEWATT_ASSIGN(energy_kwh, find_number(document, page.energy, name_));
            }
            sum.power_w =
                sum.power_w && power ? std::optional(*sum.power_w + *power) : std::nullopt;
            sum.energy_j = sum.energy_j && energy_kwh
                               ? std::optional(*sum.energy_j + *energy_kwh * 1000 * kJoulesPerWh)
                               : std::nullopt;
            if (energy_kwh && *energy_kwh != std::floor(*energy_kwh)) {
                has_whole_kwh_ = false;
            }
        }
        if (sum.power_w == 0) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected power above 0 W, found 0", name_);
        }
        return sum;
    }

  private:
    std::string name_;
    std::unique_ptr<Session> session_;
    std::vector<Page> pages_;
    bool has_whole_kwh_ = true;  ///< no counter has shown a fraction so far
};

}  // namespace

Result<std::unique_ptr<WallReader>> open_redfish_meter(const WallMeterSpec& spec,
                                                       const DiscoveryOptions& options) {
    FINEWATT_ASSIGN(std::optional<HttpCredentials> credentials,
                    wall_credentials(options.env, spec.host));
    FINEWATT_ASSIGN(std::unique_ptr<HttpClient> client, HttpClient::create());
    auto session = std::make_unique<Session>(spec, std::move(client), std::move(credentials));
    FINEWATT_ASSIGN(std::vector<Page> pages, PageFinder(spec, *session).find());
    return std::unique_ptr<WallReader>(
        std::make_unique<RedfishReader>(spec, std::move(session), std::move(pages)));
}

}  // namespace finewatt
