#include "finewatt/study/event_reader.h"

#include <simdjson.h>

#include <cstddef>
#include <memory>
#include <utility>

namespace finewatt {
namespace {

constexpr std::size_t kLongestLine = 64 * 1024;

using simdjson::dom::element;

std::optional<double> number_at(const element& object, const char* key) {
    double value = 0;
    if (object[key].get(value) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::string> text_at(const element& object, const char* key) {
    std::string_view value;
    if (object[key].get(value) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return std::string(value);
}

std::optional<decltype(Event::body)> body_of(const element& object) {
    const std::optional<std::string> kind = text_at(object, "event");
    const std::optional<std::string> name = text_at(object, "name");
    if (kind == "phase") {
        const std::optional<std::string> edge = text_at(object, "edge");
        if (name && (edge == "begin" || edge == "end")) {
            return PhaseEvent{*name, edge == "begin"};
        }
    } else if (kind == "work") {
        return WorkEvent{.steps = number_at(object, "steps"),
                         .examples = number_at(object, "examples"),
                         .epochs = number_at(object, "epochs"),
                         .tokens_real = number_at(object, "tokens_real"),
                         .tokens_padded = number_at(object, "tokens_padded"),
                         .tokens_padded_would_be = number_at(object, "tokens_padded_would_be"),
                         .flops_model = number_at(object, "flops_model")};
    } else if (kind == "score") {
        const std::optional<double> value = number_at(object, "value");
        if (name && value) {
            return ScoreEvent{*name, *value, number_at(object, "step")};
        }
    } else if (kind == "progress") {
        const std::optional<double> done = number_at(object, "done");
        const std::optional<double> of = number_at(object, "of");
        if (done && of) {
            return ProgressEvent{*done, *of, number_at(object, "loss")};
        }
    } else if (kind == "engine") {
        EngineEvent engine;
        for (const simdjson::dom::key_value_pair& field : object.get_object()) {
            std::string_view value;
            if (field.key != "event" && field.value.get(value) == simdjson::SUCCESS) {
                engine.facts.emplace(field.key, value);
            }
        }
        return engine;
    }
    return std::nullopt;
}

}  // namespace

void add_engine_facts(const EngineEvent& engine, SettingMap& software) {
    for (const auto& [name, value] : engine.facts) {
        if (name == "torch_version") {
            software["libtorch"] = value;
        } else if (name == "device" || name == "threads" || name == "precision" || name == "gemm" ||
                   name == "features") {
            software["engine_" + name] = value;
        }
    }
}

class EventReader::Parser {
  public:
    simdjson::dom::parser json;
};

EventReader::EventReader() : parser_(std::make_unique<Parser>()) {}

EventReader::EventReader(EventReader&&) noexcept = default;
EventReader& EventReader::operator=(EventReader&&) noexcept = default;
EventReader::~EventReader() = default;

std::vector<Event> EventReader::feed(std::string_view bytes, MonoTime now) {
    std::vector<Event> events;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (!is_dropping_) {
            pending_ += piece;
            if (pending_.size() > kLongestLine) {
                pending_.clear();
                is_dropping_ = true;
                ++dropped_lines_;
            }
        }
        if (end == std::string_view::npos) {
            break;
        }
        bytes.remove_prefix(end + 1);
        if (!is_dropping_ && !pending_.empty()) {
            events.push_back(parse_line(pending_, now));
        }
        pending_.clear();
        is_dropping_ = false;
    }
    return events;
}

Event EventReader::parse_line(std::string_view line, MonoTime now) {
    Event event{now, std::string(line), OtherEvent{}};
    element object;
    if (parser_->json.parse(line).get(object) != simdjson::SUCCESS || !object.is_object()) {
        return event;
    }
    std::int64_t t_mono_ns = 0;
    if (object["t_mono_ns"].get(t_mono_ns) == simdjson::SUCCESS && t_mono_ns >= 0) {
        event.time = MonoTime::from_ns(t_mono_ns);
    }
    if (auto body = body_of(object)) {
        event.body = std::move(*body);
    }
    return event;
}

}  // namespace finewatt
