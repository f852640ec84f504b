import { createApp } from "vue";

import { network } from "./api/network";
import App from "./App.vue";
import { kept } from "./storage";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/markdown.css";
import "./styles/code.css";
import "./theme";

createApp(App, { source: network, storage: kept }).mount("#app");
