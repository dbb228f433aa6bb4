#include "finewatt/sensor/kasa_protocol_internal.h"
#include "finewatt/testing/local_server.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/wall_probing.h"

#include <mutex>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using testing::FakeMachine;
using testing::LocalServer;
using testing::poll_shown;
using testing::probe_wall;

constexpr const char* kNewPlug =
    R"({"emeter":{"get_realtime":{"voltage_mv":230100,"current_ma":470,"power_mw":97840,)"
    R"("total_wh":1234,"err_code":0}}})";
constexpr const char* kOldPlug =
    R"({"emeter":{"get_realtime":{"voltage":230.1,"current":0.47,"power":97.84,"total":1.234,)"
    R"("err_code":0}}})";

/// A plug that answers each frame with one message, or with bytes as they are.
class FakePlug {
  public:
    explicit FakePlug(std::string message)
        : answer_(kasa_frame(message)),
          server_([this](const LocalServer::Connection& connection) { serve(connection); }) {}

    std::string host() const { return fmt::format("127.0.0.1:{}", server_.port()); }

    void answer_message(const std::string& message) { answer_bytes(kasa_frame(message)); }

    void answer_bytes(const std::string& bytes) {
        const std::lock_guard lock(mutex_);
        answer_ = bytes;
    }

    void be_silent() { answer_bytes(""); }

    std::string last_request() const {
        const std::lock_guard lock(mutex_);
        return last_request_;
    }

    void stop() { server_.stop(); }

    void start() { server_.start(); }

  private:
    void serve(const LocalServer::Connection& connection) {
        std::string bytes;
        while (true) {
            const Result<std::optional<std::string>> message = kasa_message(bytes);
            if (message && *message) {
                const std::lock_guard lock(mutex_);
                last_request_ = **message;
                break;
            }
            const std::string more = connection.receive();
            if (more.empty()) {
                return;
            }
            bytes += more;
        }
        std::string answer;
        {
            const std::lock_guard lock(mutex_);
            answer = answer_;
        }
        if (answer.empty()) {
            connection.hang();
        }
        connection.send(answer.substr(0, 3));  // in pieces, as TCP may
        connection.send(answer.substr(std::min<std::size_t>(3, answer.size())));
    }

    mutable std::mutex mutex_;
    std::string answer_;
    std::string last_request_;
    LocalServer server_;
};

TEST(KasaProtocol, FrameIsALengthAndXorChainedBytes) {
    // By hand: 'a' ^ 171 = 0xca, 'b' ^ 0xca = 0xa8.
    EXPECT_EQ(kasa_frame("ab"), std::string("\0\0\0\2\xca\xa8", 6));
    ASSERT_OK_AND_ASSIGN(const auto message, kasa_message(std::string("\0\0\0\2\xca\xa8", 6)));
    EXPECT_EQ(message, "ab");
}

TEST(KasaProtocol, MessageIsWholeOrNothing) {
    const std::string frame = kasa_frame(kNewPlug);
    for (std::size_t n = 0; n < frame.size(); ++n) {
        ASSERT_OK_AND_ASSIGN(const auto part, kasa_message(std::string_view(frame).substr(0, n)));
        EXPECT_FALSE(part) << n;
    }
    ASSERT_OK_AND_ASSIGN(const auto whole, kasa_message(frame));
    EXPECT_EQ(whole, kNewPlug);
    EXPECT_ERROR(kCorrupt, kasa_message("HTTP/1.1 200 OK"), "at most 65536 bytes");
}

TEST(KasaMeter, BothGenerationsGiveTheSameFigures) {
    FakeMachine machine;
    for (const char* const message : {kNewPlug, kOldPlug}) {
        const FakePlug plug(message);
        const SourceProbe probe = probe_wall(machine, "kasa://" + plug.host());
        ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
        // 1234 Wh in ticks of 3.6 J, of which a step is 1000.
        EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 97840", "ok 1234000"));
        EXPECT_DOUBLE_EQ(probe.source->channels()[1].resolution_raw, 1000);
        EXPECT_EQ(plug.last_request(), R"({"emeter":{"get_realtime":{}}})");
    }
}

TEST(KasaMeter, FirmwareThatChangesUnitsMidwayIsFollowed) {
    FakeMachine machine;
    FakePlug plug(kOldPlug);
    const SourceProbe probe = probe_wall(machine, "kasa://" + plug.host());
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    plug.answer_message(kNewPlug);
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 97840", "ok 1234000"));
}

TEST(KasaMeter, OutletOfAStripIsNamedInTheRequest) {
    FakeMachine machine;
    const FakePlug plug(kNewPlug);
    const SourceProbe probe = probe_wall(machine, "kasa://" + plug.host() + "?child=8006AB01");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_NE(plug.last_request().find(R"("context":{"child_ids":["8006AB01"]})"),
              std::string::npos);
}

TEST(KasaMeter, PlugWithoutMeterIsRefused) {
    FakeMachine machine;
    const FakePlug plug(R"({"emeter":{"err_code":-1,"err_msg":"module not support"}})");
    const SourceProbe probe = probe_wall(machine, "kasa://" + plug.host());
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_NE(probe.reports.at(0).why.find("reports error -1"), std::string::npos);
}

TEST(KasaMeter, SilenceRubbishAndAbsenceAreRetries) {
    FakeMachine machine;
    FakePlug plug(kNewPlug);
    const SourceProbe probe = probe_wall(machine, "kasa://" + plug.host() + "?timeout_ms=60");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    plug.be_silent();
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ETIMEDOUT", "ETIMEDOUT"));
    plug.answer_bytes("HTTP/1.1 400 Bad Request\r\n\r\n");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("EBADMSG", "EBADMSG"));
    plug.answer_bytes(kasa_frame(kNewPlug).substr(0, 20));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("EBADMSG", "EBADMSG"));
    plug.answer_message("no JSON");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("EBADMSG", "EBADMSG"));
    plug.stop();
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ECONNREFUSED", "ECONNREFUSED"));
    plug.answer_message(kNewPlug);
    plug.start();
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 97840", "ok 1234000"));
}

}  // namespace
}  // namespace finewatt
